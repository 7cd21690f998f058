"""`python -m condyle` is `condyle`."""

from condyle.cli import main

main()
