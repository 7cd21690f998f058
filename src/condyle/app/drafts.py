"""What is being drawn and not saved yet: one draft for each label map, kept so that a closed tab loses nothing.

Only who saves or drops his own draft removes it; a tab may take up another's, which makes it its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from condyle.app.answers import ConflictError
from condyle.app.target import Target, corrections
from condyle.data.lock import one_writer
from condyle.errors import DataError
from condyle.io.atomic import atomic_file

#: A tab that has not written its draft for so long holds it no more.
HOLD_S = 30.0


@dataclass(frozen=True)
class Draft:
    """Whose draft it is.

    Args:
        base: The mark of the revision it is drawn on; "" for a new set.
        tab: A random name of the browser's tab.
        who: Who draws.
        when: UTC, as ISO 8601 has it.
    """

    base: str
    tab: str
    who: str
    when: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def draft_of(target: Target) -> tuple[Draft, Path] | None:
    """The draft of a label map and its file, or None.

    Raises:
        DataError: if it cannot be read.
    """
    voxels, about = _files(target)
    if not (voxels.is_file() and about.is_file()):
        return None
    try:
        return Draft(**json.loads(about.read_text(encoding="utf-8"))), voxels
    except (OSError, ValueError, TypeError) as error:
        raise DataError(about, expected="whose draft it is", got=str(error), hint="Remove it.") from error


def keep(target: Target, sent: Path, draft: Draft, own: Collection[str]) -> None:
    """Keep a file as the draft.

    Args:
        target: The label map that is drawn on.
        sent: A file in the draft's own file system; it is moved.
        draft: Whose it is.
        own: Tabs whose draft it may replace.

    Raises:
        ConflictError: if another tab has been drawing within `HOLD_S`.
    """
    with one_writer(corrections(target.dataset), make=True, wait=True):
        voxels, about = _files(target)
        held = draft_of(target)
        if held is not None and held[0].tab not in own and time.time() - about.stat().st_mtime < HOLD_S:
            raise ConflictError(
                target.label_set,
                expected="to be the only one who draws here",
                got=f"{held[0].who or 'somebody'} in another window at {held[0].when}",
                hint="Close the other window, or draw on another label set. Nothing was overwritten.",
                current=held[0].to_json(),
            )
        voxels.parent.mkdir(parents=True, exist_ok=True)
        os.replace(sent, voxels)  # noqa: PTH105 - across folders
        with atomic_file(about, overwrite=True) as temporary:
            temporary.write_text(json.dumps(draft.to_json()), encoding="utf-8")


def forget(target: Target, own: Collection[str] | None) -> None:
    """Remove the draft, if it is one of some tabs'; another's is work that nobody has saved.

    Args:
        target: The label map.
        own: The tabs; None for whosever it is. A draft that does not tell whose it is stays then.
    """
    with one_writer(corrections(target.dataset), make=True, wait=True):
        if own is None or _tab_of(target) in own:
            for path in _files(target):
                path.unlink(missing_ok=True)


def _tab_of(target: Target) -> str | None:
    try:
        held = draft_of(target)
    except DataError:  # whoever looks for a draft is told; a save is done by now, and must not seem refused
        return None
    return held[0].tab if held else None


def _files(target: Target) -> tuple[Path, Path]:
    return target.folder / "draft.nii", target.folder / "draft.json"
