"""The command line: `condyle VERB`. Every verb is a workflow function; see `options` for how."""

from __future__ import annotations

import sys
import traceback

from condyle.cli.app import make_app
from condyle.cli.console import show_warnings


def main() -> None:
    """Run the command line and leave with its exit code.

    0 done; 1 done, but something wants attention (a fault found, a case failed); 2 bad input; 3 a fault of the program;
    130 stopped.
    """
    show_warnings()
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    try:
        make_app(verb)()
    except Exception:
        # Python would leave with 1, which here means that the work is done.
        traceback.print_exc()
        sys.exit(3)
