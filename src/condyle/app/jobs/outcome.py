"""What a job that has ended has to say, in words for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: Folders on this machine: the page needs a file's name alone.
_FOLDERS = re.compile(r"(?:/[^\s/:,]+)+/")

#: More sentences than this are counted, not told.
_MOST = 5

#: A fault that `condyle check` found, as it prints it.
Finding = Mapping[str, str]


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
        said += [f"{f['case'] or 'dataset'}: {sentence(f)}" for f in faults]
    told = list(dict.fromkeys(bare(sentence) for sentence in said))
    more = [f"And {len(told) - _MOST} more; see the log."] if len(told) > _MOST else []
    return "\n".join([*told[:_MOST], *more]) or None


def sentence(finding: Finding, label_set: str = "") -> str:
    """A finding in words, behind what it is about: label set, structure, channel or file.

    Args:
        finding: The finding.
        label_set: Where all that is told is of one label set, its name, which is then left out.
    """
    about = ", ".join(part for part in finding["where"].split(": ") if part and part != label_set)
    message = finding["message"]
    first = message.partition(" ")[0]
    begin = first.lower() if first.isalpha() and first.istitle() else first
    return f"{about}: {begin}{message.removeprefix(first)}" if about else message


def bare(text: str) -> str:
    """A sentence with the folders left out of paths."""
    return _FOLDERS.sub("", text)
