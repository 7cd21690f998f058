"""Finding the masks of cases: label maps, one file a structure, surfaces."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from condyle.data.importers.found import MaskFiles, files_below, name_below, stem_of
from condyle.data.importers.pattern import compiled
from condyle.data.names import safe_name
from condyle.errors import ConfigError, DataError

#: What programs put behind a case's name to say that the file is its label map.
_ENDINGS = ("seg", "segmentation", "mask", "label", "labels", "labelmap", "gt", "0000")


def find_masks(
    source: Path, case_ids: Collection[str], pattern: str | None = None
) -> tuple[dict[str, MaskFiles], list[Path]]:
    """The masks of each case in a folder (or the one mask of the one case).

    Without a pattern these names are understood, for a case `c01` and a structure `femur`:
    `c01.nii.gz` and `c01_seg.nii.gz` (or `_mask`, `_labels` ...) are label maps, `c01_femur.stl`,
    `c01/femur.nii.gz` and `c01/any/femur.ply` are one structure.

    Args:
        source: A folder; or a file, if there is one case.
        case_ids: Of the cases that may have masks.
        pattern: A regular expression with the group `case` and perhaps `structure`, searched in each path
            below the folder without its suffix. Files that do not match are no masks.

    Returns:
        The masks by case id, and the files that belong to no case.

    Raises:
        DataError: if there is no mask, or two files claim the same thing.
        ConfigError: if the pattern is at fault or matches nothing.
    """
    if not source.exists():
        raise DataError(source, expected="masks", got="nothing of that name", hint="Check the path.")
    if source.is_file():
        files, names = [source], [stem_of(source)]
        if len(case_ids) == 1 and pattern is None:
            return {next(iter(case_ids)): MaskFiles(whole=source)}, []
    else:
        files = files_below(source, meshes=True)
        names = [name_below(source, path) for path in files]
    if not files:
        raise DataError(source, expected="masks in it", got="no file of a known format")
    claims = _by_pattern(names, pattern) if pattern is not None else [_by_name(name, case_ids) for name in names]
    masks: dict[str, MaskFiles] = {}
    unmatched = []
    for path, claim in zip(files, claims, strict=True):
        if claim is None and pattern is not None:
            continue
        if claim is None or claim[0] not in case_ids:
            unmatched.append(path)
        else:
            case, structure = claim
            masks[case] = _with(masks.get(case, MaskFiles()), structure, path)
    return masks, unmatched


def _by_name(name: str, case_ids: Collection[str]) -> tuple[str, str] | None:
    """Case and structure ("" for a label map) that a name tells, or None."""
    first, *inner = name.split("/")
    case = safe_name(first)
    if inner:
        return (case, inner[-1]) if case in case_ids else None
    if case in case_ids:
        return case, ""
    for id_ in sorted(case_ids, key=len, reverse=True):
        if case.startswith(f"{id_}_"):
            rest = case[len(id_) + 1 :]
            return id_, "" if rest.lower() in _ENDINGS else rest
    return None


def _by_pattern(names: list[str], text: str) -> list[tuple[str, str] | None]:
    pattern = compiled(text, "mask pattern", groups=("case", "structure"), required=("case",))
    matches = [pattern.search(name) for name in names]
    if not any(matches):
        raise ConfigError(
            "mask pattern",
            expected="a match among the mask files",
            got=f"none for {text!r}, the first file being {names[0]!r}",
            hint="It is searched in each path below the folder, without the suffix.",
        )
    return [(safe_name(m["case"]), m.groupdict().get("structure") or "") if m else None for m in matches]


def _with(masks: MaskFiles, structure: str, path: Path) -> MaskFiles:
    other = masks.parts.get(structure) if structure else masks.whole
    if other is None and masks.whole is None and (structure or not masks.parts):
        if structure:
            return replace(masks, parts={**masks.parts, structure: path})
        return replace(masks, whole=path)
    clash = other or masks.whole or next(iter(masks.parts.values()))
    raise DataError(
        path,
        expected="one label map of a case, or one file for each structure",
        got=f"this one beside {clash}",
        hint="Keep one of them, or say with a mask pattern which files are meant.",
    )
