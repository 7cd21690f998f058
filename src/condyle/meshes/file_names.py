"""What the files of surfaces are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, count

#: The file of all structures together.
SCENE = "scene"


def file_stems(names: Sequence[str]) -> dict[str, str]:
    """A safe name for the file of each structure, numbered where two would be the same.

    Args:
        names: Of the structures that have a surface, in the order of their ids.
    """
    stems: dict[str, str] = {}
    for name in names:
        safe = re.sub(r"[^\w.-]+", "_", name).strip("._") or "structure"
        taken = {stem.lower() for stem in stems.values()} | {SCENE}
        stems[name] = next(s for s in chain([safe], (f"{safe}_{n}" for n in count(2))) if s.lower() not in taken)
    return stems
