"""Which mask belongs to which case, for every label set of one import, and what is left over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from condyle.data.importers.find import Sources
from condyle.data.importers.found import MaskFiles
from condyle.data.importers.labelling import NO_LABELS, REST, Labelling, is_id, resolve
from condyle.data.importers.masks import find_masks
from condyle.data.importers.named import own_labels, refuse_other_numbers, together
from condyle.data.importers.nnunet import NnunetFolder
from condyle.errors import DataError
from condyle.labels import Labels


@dataclass(frozen=True)
class Meaning:
    """What the user says about labels; see `resolve`."""

    structures: Mapping[str, int] | None = None
    table: Mapping[str, str] | None = None
    ignore: int | None = None
    priority: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskPlan:
    """The masks of one import.

    Args:
        labels: The dataset's structures after it.
        sets: Label set to case id to the case's masks and what they mean.
        unmatched: Sentences: masks without case, scans without mask, cases that lack a structure.
        notes: Sentences about what was left out as asked.
    """

    labels: Labels
    sets: Mapping[str, Mapping[str, tuple[MaskFiles, Labelling]]] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def of_case(self, case_id: str) -> dict[str, tuple[MaskFiles, Labelling]]:
        """A case's masks by label set."""
        return {name: cases[case_id] for name, cases in self.sets.items() if case_id in cases}


def plan_masks(
    sources: Sources,
    label_sets: Mapping[str, Path],
    *,
    existing: Collection[str],
    labels: Labels,
    meaning: Meaning,
    mask_pattern: str | None = None,
    nnunet_set: str = "reference",
) -> MaskPlan:
    """Pair masks with cases, by id.

    Args:
        sources: The scans.
        label_sets: Label set to its masks' folder or file.
        existing: Ids of cases the dataset has already; they may have masks, but need none.
        labels: The dataset's structures so far.
        meaning: Of names and numbers in the masks.
        mask_pattern: See `find_masks`.
        nnunet_set: Label set of an nnU-Net folder's own labels.

    Raises:
        DataError, ConfigError: as `find_masks` and `resolve`.
    """
    sets: dict[str, dict[str, tuple[MaskFiles, Labelling]]] = {}
    unmatched: list[str] = []
    notes: list[str] = []
    if sources.nnunet is not None and sources.nnunet.masks:
        labelling = _of_nnunet(sources.nnunet, labels, meaning)
        labels = labelling.labels
        sets[nnunet_set] = {case: (files, labelling) for case, files in sources.nnunet.masks.items()}
        unmatched += [f"{path}: without partner" for path in sources.nnunet.unmatched]
    for name, path in label_sets.items():
        if name in sets:
            raise DataError(path, expected="a label set of another name", got=name)
        new = [id_ for id_ in sources.cases if id_ not in existing]
        candidates = new if path.is_file() and len(new) == 1 else {*sources.cases, *existing}
        masks, strays = find_masks(path, candidates, mask_pattern)
        parts = {part for files in masks.values() for part in files.parts}
        own = {case: table for case, files in masks.items() if (table := own_labels(files)) is not None}
        refuse_other_numbers(own, [int(key) for key in meaning.table or {} if is_id(key)])
        labelling = resolve(
            labels,
            structures=meaning.structures,
            table=meaning.table,
            ignore=meaning.ignore,
            source=together(own.values()),
            part_names=parts,
            priority=meaning.priority,
            numbers=_numbers(masks, own),
        )
        labels = labelling.labels
        # What one file calls its numbers says nothing of the numbers of another.
        unnamed = replace(labelling, table=meaning.table, source=NO_LABELS) if own else labelling
        sets[name] = {
            case: (
                files,
                replace(labelling, source=own[case]) if case in own else labelling if files.parts else unnamed,
            )
            for case, files in masks.items()
        }
        unmatched += [f"{stray}: a mask without scan" for stray in strays]
        unmatched += [f"{id_}: a scan without mask in {name}" for id_ in new if id_ not in masks]
        wanted = {part for part in parts if labelling.table is None or labelling.of_part(part, name)}
        unmatched += _incomplete(name, masks, wanted)
        left = sorted({*(parts - wanted), *(part for part, of in (labelling.table or {}).items() if own and not of)})
        if left:
            told = ", ".join("all others" if part == REST else part for part in left)
            notes.append(f"{name}: left out {told}, as asked")
    return MaskPlan(labels, sets, tuple(unmatched), tuple(notes))


def _numbers(masks: Mapping[str, MaskFiles], own: Mapping[str, Labels]) -> set[int] | None:
    """All numbers in label maps that tell theirs; None where one does not."""
    whole = [case for case, files in masks.items() if files.whole is not None]
    return {id_ for case in whole for id_ in own[case].ids} if own and all(case in own for case in whole) else None


def _incomplete(name: str, masks: Mapping[str, MaskFiles], wanted: Collection[str]) -> list[str]:
    out = []
    for case, files in sorted(masks.items()):
        missing: Sequence[str] = sorted(set(wanted) - set(files.parts)) if files.parts else []
        if missing:
            out.append(f"{case}: no mask of {', '.join(missing)} in {name}, which will be background")
    return out


def _of_nnunet(folder: NnunetFolder, labels: Labels, meaning: Meaning) -> Labelling:
    table = meaning.table
    if folder.original is not None and table is None and meaning.structures is None and not labels.structures:
        # Our own export had to renumber: the order leads back.
        labels = folder.original
        table = {str(s.id): old.name for s, old in zip(folder.labels.structures, labels.structures, strict=True)}
    return resolve(
        labels,
        structures=meaning.structures,
        table=table,
        ignore=meaning.ignore,
        source=folder.labels,
        part_names=(),
        priority=meaning.priority,
        numbers=[*folder.labels.ids, *([] if folder.labels.ignore is None else [folder.labels.ignore])],
    )
