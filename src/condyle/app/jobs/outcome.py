"""What a job that has ended has to say, in words for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: Folders on this machine: the page needs a file's name alone.
_FOLDERS = re.compile(r"(?:/[^\s/:,]+)+/")

#: More sentences than this are counted, not told.
_MOST = 5


def outcome(results: Sequence[Mapping[str, Any]]) -> str | None:
    """What the results of a job's steps tell of cases that failed, faults that were found, masks that were resampled.

    Args:
        results: What each step printed.
    """
    said: list[str] = []
    for result in results:
        failed = result.get("failed")
        said += [f"{case}: {why}" for case, why in failed.items()] if isinstance(failed, dict) else []
        said += [str(note) for name in ("unmatched", "notes") for note in result.get(name) or ()]
        # A comparison's findings are sentences, and have a page of their own.
        faults = [f for f in result.get("findings") or () if isinstance(f, dict) and f["severity"] != "info"]
        said += [f"{f['case'] or 'dataset'}: {f['message']}" for f in faults]
    told = list(dict.fromkeys(bare(sentence) for sentence in said))
    more = [f"And {len(told) - _MOST} more; see the log."] if len(told) > _MOST else []
    return "\n".join([*told[:_MOST], *more]) or None


def bare(text: str) -> str:
    """A sentence with the folders left out of paths."""
    return _FOLDERS.sub("", text)
