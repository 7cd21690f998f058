"""Which mask is to be judged by which: two files, two folders, or two label sets of a dataset."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from condyle.data import Dataset
from condyle.data.dataset import FILE
from condyle.data.importers.found import MaskFiles, files_below, name_below, stem_of
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.workflow.segmentation.split_part import cases_of_part

#: What programs put behind a case's name.
_ENDING = re.compile(r"[._-](seg|segmentation|mask|labels?|labelmap|gt|pred|prediction)$", re.IGNORECASE)


@dataclass(frozen=True)
class CasePair:
    """One case to score.

    Args:
        id: The case.
        group: Its patient; the case itself if nobody tells.
        reference: What is taken as true.
        prediction: What is judged.
    """

    id: str
    group: str
    reference: MaskFiles
    prediction: MaskFiles


@dataclass(frozen=True)
class Pairs:
    """All cases to score.

    Args:
        cases: By id.
        unmatched: Sentences on what has no partner.
        labels: What the source itself says of its ids, or None.
    """

    cases: tuple[CasePair, ...]
    unmatched: tuple[str, ...] = ()
    labels: Labels | None = field(default=None)

    def with_patients(self, path: Path | None) -> Pairs:
        """The cases with the patients of a CSV file of case and patient.

        Raises:
            DataError: if the file cannot be read, lacks a case or the patient of one, or tells one twice.
        """
        if path is None:
            return self
        patients = _patients(path, {case.id for case in self.cases})
        missing = [case.id for case in self.cases if case.id not in patients]
        if missing:
            raise DataError(path, expected="a patient for each case", got=f"none for {', '.join(missing)}")
        return replace(self, cases=tuple(replace(case, group=patients[case.id]) for case in self.cases))


def _patients(path: Path, wanted: Collection[str]) -> dict[str, str]:
    """Case to patient, of the cases that are wanted; other lines, the heading among them, are left alone.

    Raises:
        DataError: if the file cannot be read, or lacks the patient of a case or tells it twice; the line is named.
    """
    try:
        reader = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, expected="a CSV file of case and patient", got=str(error)) from error
    patients: dict[str, str] = {}
    for line, row in rows:
        if not row or row[0] not in wanted:
            continue
        case, patient = row[0], row[1] if len(row) > 1 else ""
        if not patient:
            raise DataError(f"{path}, line {line}", expected=f"the patient of case {case}", got="none")
        if patients.setdefault(case, patient) != patient:
            got = f"{patients[case]} and {patient}"
            raise DataError(f"{path}, line {line}", expected=f"one patient of case {case}", got=got)
    return patients


def find_pairs(
    prediction: Path, reference: Path | None, label_sets: tuple[str, str] | None, part: str | None = None
) -> Pairs:
    """Pair predictions with references.

    In folders, cases are paired by name, whatever the format: `c01.nii.gz`, `c01_seg.mha`, `c01/femur.nii.gz` and
    `c01/segmentations/femur.nii.gz` are of case `c01`; the last two hold one structure each.

    Args:
        prediction: A file, a folder, or a dataset.
        reference: A file or folder; None for a dataset.
        label_sets: For a dataset: the set to judge, and the one taken as true.
        part: Of a dataset's split: its cases only.

    Raises:
        ConfigError: if what is given does not go together.
        DataError: if something is not there, or nothing pairs.
    """
    for path in (prediction, reference):
        if path is not None and not path.exists():
            raise DataError(path, expected="a mask or a folder of masks", got="nothing of that name")
    if reference is None:
        if label_sets is None:
            raise ConfigError(
                "reference",
                expected="a file or folder to judge by, or two label sets of a dataset",
                got="neither",
                hint="Give it as second argument, or --label-sets for a dataset.",
            )
        return _of_dataset(Dataset.open(prediction), *label_sets, part)
    if label_sets is not None:
        raise ConfigError("label_sets", expected="a dataset alone to go with them", got=f"also {reference}")
    if prediction.is_file() != reference.is_file():
        raise ConfigError("prediction, reference", expected="two files or two folders", got="one of each")
    if prediction.is_file():
        pair = CasePair(stem_of(reference), stem_of(reference), MaskFiles(reference), MaskFiles(prediction))
        return Pairs((pair,))
    dataset = _dataset_of(reference)
    if dataset is not None:
        return _of_label_set(prediction, reference, dataset, part)
    if part is not None:
        raise ConfigError("part", expected="DATASET/labels/SET as reference", got=str(reference))
    return _of_folders(prediction, reference)


def _dataset_of(reference: Path) -> Dataset | None:
    """The dataset whose label set a folder is, or None."""
    folder, labels = reference.resolve().parent.parent, reference.resolve().parent
    return Dataset.open(folder) if labels.name == "labels" and (folder / FILE).is_file() else None


def _of_label_set(prediction: Path, reference: Path, dataset: Dataset, part: str | None) -> Pairs:
    """Masks and the label set of a dataset, which knows patients, structures, and who was to be segmented."""
    found = _of_folders(prediction, reference)
    groups = {case.id: case.group for case in cases_of_part(dataset, part)}
    pairs = tuple(replace(pair, group=groups[pair.id]) for pair in found.cases if pair.id in groups)
    if not pairs:
        raise DataError(prediction, expected=f"masks of the part {part}", got="none")
    others = [f"{pair.id}: a prediction, not of the part {part}" for pair in found.cases if pair.id not in groups]
    told = [what for what in found.unmatched if part is None or what.split(": ")[0] in groups]
    return Pairs(pairs, tuple(told + others), dataset.labels)


def _of_folders(prediction: Path, reference: Path) -> Pairs:
    judged, true = cases_in(prediction), cases_in(reference)
    both = sorted(set(judged) & set(true))
    if not both:
        raise DataError(
            prediction,
            expected=f"cases of the same names as in {reference} ({_some(true)})",
            got=_some(judged),
            hint="A case's files are called like the case.",
        )
    unmatched = [f"{id_}: a prediction without reference" for id_ in sorted(set(judged) - set(true))]
    unmatched += [f"{id_}: a reference without prediction" for id_ in sorted(set(true) - set(judged))]
    for id_ in both:
        if judged[id_].parts and true[id_].parts:
            missing = sorted(set(true[id_].parts) - set(judged[id_].parts))
            unmatched += [f"{id_}: {name} has no prediction" for name in missing]
    return Pairs(tuple(CasePair(id_, id_, true[id_], judged[id_]) for id_ in both), tuple(unmatched))


def cases_in(folder: Path) -> dict[str, MaskFiles]:
    """Case to its masks, by the names of the files.

    Raises:
        DataError: if there is none, or two of one case and structure.
    """
    out: dict[str, MaskFiles] = {}
    for path in files_below(folder):
        first, *inner = name_below(folder, path).split("/")
        if inner:
            case = out.setdefault(first, MaskFiles())
            clash: Path | None = case.whole or case.parts.get(inner[-1])
            out[first] = replace(case, parts={**case.parts, inner[-1]: path})
        else:
            first = _ENDING.sub("", first)
            clash = out[first].whole or next(iter(out[first].parts.values()), None) if first in out else None
            out[first] = MaskFiles(whole=path)
        if clash is not None:
            raise DataError(path, expected="one mask of each case and structure", got=f"also {clash}")
    if not out:
        raise DataError(folder, expected="masks in it", got="no file of a known format")
    return out


def _of_dataset(dataset: Dataset, judged: str, true: str, part: str | None) -> Pairs:
    for name in (judged, true):
        if name not in dataset.label_sets:
            known = ", ".join(dataset.label_sets) or "none"
            raise ConfigError("label_sets", expected=f"names among {known}", got=name)
    cases, unmatched = [], []
    for case in cases_of_part(dataset, part):
        missing = [name for name in (judged, true) if name not in case.label_sets]
        if missing:
            unmatched.append(f"{case.id}: no label set {' nor '.join(missing)}")
            continue
        reference, prediction = (MaskFiles(dataset.path(case.label_sets[name])) for name in (true, judged))
        cases.append(CasePair(case.id, case.group, reference, prediction))
    if not cases:
        raise DataError(dataset.folder, expected=f"cases with both {judged} and {true}", got="none")
    return Pairs(tuple(cases), tuple(unmatched), dataset.labels)


def _some(names: Mapping[str, MaskFiles]) -> str:
    shown = sorted(names)[:3]
    return ", ".join(shown) + (" ..." if len(names) > len(shown) else "")
