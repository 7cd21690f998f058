"""What a killed writer leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_DYING = """
import os, sys
from pathlib import Path
from condyle.io.temporary import temporary_folder
print(temporary_folder(Path(sys.argv[1])), flush=True)
os._exit(1)
"""


def leftover(parent: Path) -> Path:
    """A temporary folder in `parent` whose process has ended without removing it."""
    parent.mkdir(parents=True, exist_ok=True)
    made = subprocess.run([sys.executable, "-c", _DYING, parent], check=False, capture_output=True, text=True).stdout
    left = Path(made.strip())
    assert left.is_dir()
    return left
