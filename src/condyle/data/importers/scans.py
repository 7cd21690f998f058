"""Scans that are files: one, or a folder of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from condyle import io
from condyle.data.importers.found import FoundCase, ScanFile, files_below, name_below
from condyle.data.importers.pattern import compiled
from condyle.data.names import safe_name
from condyle.errors import ConfigError, DataError

#: The channel number at the end of nnU-Net's image names.
_NUMBERED = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")


def scan_file(path: Path, channel: str) -> FoundCase:
    """One case from one file."""
    return FoundCase(safe_name(io.stem_of(path)), {channel: ScanFile(path)})


def scan_folder(folder: Path, channels: Sequence[str], pattern: str | None = None) -> list[FoundCase]:
    """Cases from the image files of a folder.

    A file is a case, named like the file. If all names end in `_0000`, `_0001` ... these are the numbers of
    channels, as in nnU-Net.

    Args:
        folder: Where they lie; searched to its depths only with a pattern.
        channels: Names of the channels, in order.
        pattern: A regular expression with the group `case` and perhaps `channel`, searched in each path
            below `folder` without its suffix, e.g. `^(?P<case>[^/]+)/(?P<channel>T1|PD)$`. Files that do not
            match are no scans.

    Raises:
        DataError: if there is no scan, two files claim one image, or a case lacks a channel.
        ConfigError: if the pattern is at fault or matches nothing, or channels are not those asked for.
    """
    if pattern is not None:
        named = _matched(folder, compiled(pattern, "case pattern", groups=("case", "channel"), required=("case",)))
    else:
        files = files_below(folder, deep=False)
        numbered = [_NUMBERED.fullmatch(io.stem_of(path)) for path in files]
        if all(numbered):
            named = [(m["case"], m["channel"], path) for m, path in zip(numbered, files, strict=True) if m]
        else:
            named = [(io.stem_of(path), "", path) for path in files]
    if not named:
        raise DataError(
            folder, expected="scans in it", got="none", hint=f"Known are {', '.join(io.FORMATS)} and DICOM."
        )
    images: dict[str, dict[str, ScanFile]] = {}
    for case, channel, path in named:
        of_case = images.setdefault(safe_name(case), {})
        key = _channel(channel, channels, path)
        if key in of_case:
            raise DataError(path, expected="one file for each image", got=f"a second one beside {of_case[key].path}")
        of_case[key] = ScanFile(path)
    for case, of_case in images.items():
        if set(of_case) != set(channels):
            missing = ", ".join(c for c in channels if c not in of_case)
            raise DataError(
                folder,
                expected=f"the channels {', '.join(channels)} of each case",
                got=f"no {missing} of {case}",
            )
    return [FoundCase(case, {c: of_case[c] for c in channels}) for case, of_case in sorted(images.items())]


def _matched(folder: Path, pattern: re.Pattern[str]) -> list[tuple[str, str, Path]]:
    out = []
    for path in files_below(folder):
        match = pattern.search(name_below(folder, path))
        if match:
            out.append((match["case"], match.groupdict().get("channel") or "", path))
    if not out:
        raise ConfigError(
            "case pattern",
            expected=f"a match among the files of {folder}",
            got=f"none for {pattern.pattern!r}",
            hint="It is searched in each path below the folder, without the suffix.",
        )
    return out


def _channel(found: str, channels: Sequence[str], path: Path) -> str:
    """The channel a name tells: by its own name, by its number, or the only one."""
    if not found and len(channels) == 1:
        return channels[0]
    if found in channels:
        return found
    if found.isdigit() and int(found) < len(channels):
        return channels[int(found)]
    raise ConfigError(
        "channels",
        expected="a name for each channel of the scans",
        got=f"{', '.join(channels)}, and {path.name}",
        hint="Name all channels, in order.",
    )
