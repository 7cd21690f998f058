"""The command line: `condyle VERB`. Every verb is a workflow function; see `options` for how."""

from __future__ import annotations

import sys

from condyle.cli.app import make_app
from condyle.cli.console import show_warnings


def main() -> None:
    """Run the command line and leave with its exit code.

    0 done; 1 done, but something wants attention (a fault found, a case failed); 2 bad input; 130 stopped.
    """
    show_warnings()
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    make_app(verb)()
