"""Scripts of this folder, run as programs of their own: what one of them holds in memory goes when it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def told(script: str, *arguments: Path | str) -> str:
    """What a script of this folder prints; its progress is seen as it works."""
    command = [sys.executable, "-m", f"pretrain.{script}", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
