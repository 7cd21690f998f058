"""The models that come with the package: a folder each, beside this file, read and never written.

Their weights are stored in half the room, see `condyle.models.compact`, and no network is needed to use them.
"""

from __future__ import annotations

from pathlib import Path

from condyle.models.folder import is_ours

#: The model that is asked where none is named.
DEFAULT = "bones"

FOLDER = Path(__file__).parent


def shipped(folder: Path = FOLDER) -> tuple[Path, ...]:
    """The models that come with the package, by name."""
    return tuple(sorted(f for f in folder.iterdir() if is_ours(f) and not f.name.startswith(".")))
