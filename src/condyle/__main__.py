from condyle.cli import main

main()
