"""`condyle phantom`: scans of bones and organs whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from condyle.data import Case, Dataset
from condyle.data.case import image_path, labels_path
from condyle.data.dataset import FILE, refuse_foreign
from condyle.data.fields import read_json
from condyle.data.load import load_image, load_labels
from condyle.data.lock import one_writer
from condyle.data.names import safe_name
from condyle.errors import ConfigError
from condyle.io import write
from condyle.io.atomic import atomic_file
from condyle.io.dicom import write_series
from condyle.phantoms.cohort import USUAL_SCANNER, Cohort, Member, Phantom, kind_named, scanner_named
from condyle.phantoms.synthetic.cohort import LabelledCohort, SyntheticCohort
from condyle.phantoms.synthetic.labelled import Labelled
from condyle.phantoms.synthetic.stored import MAPS, write_map
from condyle.progress import Track, silent
from condyle.workflow.shared.label_sets import chosen_label_set

KindName = Literal["proximal_femur", "thighs", "knee", "paediatric_legs", "abdomen", "skeleton", "synthetic"]
ScannerName = Literal["ct", "ct_bone", "ct_low_dose", "mr_t1", "mr_pd_fs", "mr_low_field"]

#: Beside the scans: the true measures of each, by its id.
MEASURES = "measures.json"

#: Beside the scans: what all of them were made with.
SETTINGS = "phantom.json"


@dataclass(frozen=True)
class Made:
    """What was made.

    Args:
        out: The folder.
        form: `dataset` or `dicom`.
        made: Ids of the scans made now.
        already: Ids of those that were there.
    """

    out: Path
    form: str
    made: tuple[str, ...]
    already: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"out": str(self.out), "form": self.form, "made": list(self.made), "already": list(self.already)}

    def __str__(self) -> str:
        there = f", {len(self.already)} were there" if self.already else ""
        return f"{self.out}: {len(self.made)} scans made{there}"


def phantom(
    kind: KindName,
    out: Path,
    *,
    count: int | None = None,
    seed: int = 0,
    form: Literal["dataset", "dicom"] = "dataset",
    scanner: ScannerName | None = None,
    spacing: tuple[float, float, float] | None = None,
    shapes: Path | None = None,
    people: Path | None = None,
    label_set: str | None = None,
    metal: bool = False,
    track: Track = silent,
) -> Made:
    """Make scans of simulated subjects: a dataset with label sets, or DICOM series with the truth beside.

    The same kind, seed and number give the same scan. What is there already is kept: a run that was stopped
    goes on.

    Args:
        kind: What is scanned. A proximal femur, a knee come in pairs, left and right of one person. `synthetic`: bodies
            of all kinds, each in a picture of its own, and `maps/`, of which the recipe `synthetic` draws others.
        out: The folder to make, with the label sets `truth`, `manual` (a human's hand) and, for a single bone in CT,
            `fill`: a dataset; or `dicom/<scan>/` and `<label set>/<scan>.nii.gz`. `measures.json` beside them has
            lengths and angles.
        count: Number of scans, 2 if not given; or of the first cases of `people`, all if not given.
        seed: Start of all randomness.
        form: A dataset, or DICOM series as a scanner would write them.
        scanner: The scanner; by default the one such subjects are usually seen in.
        spacing: Voxel spacing in mm along the array axes; by default as such scanners choose.
        shapes: For the kinds `skeleton` and `synthetic`: a folder of bone surfaces (VTP) and the OpenSim model that
            joins them.
        people: For the kind `synthetic`: a dataset whose label maps are the bodies, with what their scans show around;
            its structures that are called as those of drawn bodies are their bones.
        label_set: Of `people`; may be left out where it has one only.
        metal: Put a titanium nail into a femur of each subject; in CT it leaves streaks.
        track: Told of each scan.

    Raises:
        DataError: if the folder cannot be written or holds something else.
        ConfigError: if the count, the seed or the spacing makes no sense, shapes do not go with the kind, or the
            folder holds scans that were made with other settings.
    """
    if count is not None and count < 1:
        raise ConfigError("count", expected="at least 1 scan", got=str(count))
    if seed < 0:
        raise ConfigError("seed", expected="0 or more", got=str(seed))
    if spacing is not None and not all(isfinite(mm) and mm > 0 for mm in spacing):
        raise ConfigError("spacing", expected="more than 0 mm on every axis", got=str(spacing))
    number = 2 if count is None else count
    if people is not None and (kind != "synthetic" or shapes is not None):
        got = f"shapes {shapes}" if kind == "synthetic" else kind
        raise ConfigError("people", expected="the kind synthetic, and no shapes beside", got=got)
    if people is None and label_set is not None:
        raise ConfigError("label_set", expected="people to go with it", got="none")
    cohort: Cohort | SyntheticCohort | LabelledCohort
    if kind == "synthetic":
        if form != "dataset" or scanner is not None or spacing is not None:
            got = f"{form}, scanner {scanner}, spacing {spacing}"
            raise ConfigError("synthetic", expected="a dataset, scanners and voxels of all kinds", got=got)
        cohort = SyntheticCohort(shapes, number, seed) if people is None else _labelled(people, label_set, count, seed)
    else:
        scanned_by = scanner_named(scanner or USUAL_SCANNER[kind])
        cohort = Cohort(kind_named(kind, shapes), scanned_by, number, seed, spacing, metal)
    asked = {
        "kind": kind,
        "seed": seed,
        "scanner": None if kind == "synthetic" else scanner or USUAL_SCANNER[kind],
        "spacing_mm": None if spacing is None else [float(mm) for mm in spacing],
        "shapes": None if shapes is None else shapes.resolve().name,
        "metal": metal,
        "people": None if people is None else people.resolve().name,
        "label_set": label_set,
    }
    if form == "dataset":
        refuse_foreign(out)
    with one_writer(out, make=True):
        store = _DatasetStore(out, cohort) if form == "dataset" else _DicomStore(out, cohort)
        _same_settings(out, asked, begun=store.begun)
        measured = _measures(out / MEASURES)
        to_do = [member for member in cohort.members if not (store.has(member) and member.id in measured)]
        for member in track(to_do, "Making scans"):
            made = cohort.make(member)
            if made.anatomy is not None:
                write_map(out / MAPS / member.id, made.anatomy)
            store.put(member, made)
            measured[member.id] = {name: round(value, 4) for name, value in made.measures.items()}
            with atomic_file(out / MEASURES, overwrite=True) as temporary:
                temporary.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    already = tuple(member.id for member in cohort.members if member not in to_do)
    return Made(out, form, tuple(member.id for member in to_do), already)


def _labelled(people: Path, label_set: str | None, count: int | None, seed: int) -> LabelledCohort:
    """The cases of a dataset that have a label set.

    Raises:
        ConfigError: if there is no such label set.
        DataError: if there is no dataset.
    """
    dataset = Dataset.open(people)
    chosen = chosen_label_set(dataset, label_set)
    cases = [case for case in dataset.cases if chosen in case.label_sets][:count]

    def read(case: Case) -> Labelled:
        scan = load_image(dataset, case, dataset.channels[0])
        where = str(dataset.path(case.label_sets[chosen]))
        return Labelled(scan, load_labels(dataset, case, chosen), dataset.labels, where)

    readers = {case.id: partial(read, case) for case in cases}
    return LabelledCohort(readers, {case.id: case.group for case in cases}, seed)


class _DatasetStore:
    """Scans as cases of a dataset."""

    def __init__(self, out: Path, cohort: Cohort | SyntheticCohort | LabelledCohort) -> None:
        if (out / FILE).exists():
            self.dataset = Dataset.open(out)
        else:
            self.dataset = Dataset(out, safe_name(out.resolve().name), (cohort.modality,), cohort.labels)
            # From here on the folder is a dataset, and a run that is killed can go on.
            self.dataset.save()
        if (self.dataset.labels, self.dataset.channels) != (cohort.labels, (cohort.modality,)):
            raise ConfigError(
                out,
                expected=f"a dataset of {', '.join(cohort.labels.names)} in {cohort.modality}",
                got=f"{', '.join(self.dataset.labels.names)} in {', '.join(self.dataset.channels)}",
            )

    @property
    def begun(self) -> bool:
        return bool(self.dataset.cases)

    def has(self, member: Member) -> bool:
        return member.id in self.dataset

    def put(self, member: Member, phantom: Phantom) -> None:
        dataset = self.dataset
        channel = dataset.channels[0]
        case = Case(member.id, member.group, {channel: image_path(channel, member.id)})
        # A file that no case lists is left over from a run that was killed: write it anew.
        write(dataset.path(case.images[channel]), phantom.image, overwrite=True)
        for name, labels in phantom.label_sets.items():
            path = labels_path(name, member.id)
            write(dataset.path(path), labels, overwrite=True)
            case = case.with_label_set(name, path)
        self.dataset = dataset.with_case(case)
        self.dataset.save()


class _DicomStore:
    """Scans as DICOM series, their label sets as NIfTI."""

    def __init__(self, out: Path, cohort: Cohort | SyntheticCohort | LabelledCohort) -> None:
        self.out = out
        self.modality: Literal["CT", "MR"] = "MR" if cohort.modality == "MR" else "CT"

    @property
    def begun(self) -> bool:
        return (self.out / "dicom").is_dir()

    def has(self, member: Member) -> bool:
        return (self.out / "dicom" / member.id).is_dir()

    def put(self, member: Member, phantom: Phantom) -> None:
        for name, labels in phantom.label_sets.items():
            write(self.out / name / f"{member.id}.nii.gz", labels, overwrite=True)
        write_series(
            self.out / "dicom" / member.id,
            phantom.image,
            patient_id=member.group,
            modality=self.modality,
            description=f"simulated {member.side}",
            seed=member.id,
            overwrite=True,
        )


def _same_settings(out: Path, asked: Mapping[str, Any], *, begun: bool) -> None:
    """Note what a folder's scans are made with; refuse others, for both sides of a person would differ.

    Args:
        out: The folder.
        asked: The settings.
        begun: Whether scans are there.

    Raises:
        ConfigError: naming what differs; or if nothing tells how the scans that are there were made.
        DataError: if the disk refuses.
    """
    path = out / SETTINGS
    if begun and not path.is_file():
        got = f"scans, and no {SETTINGS} that tells of them"
        raise ConfigError(out, expected="a folder of phantoms, or a new one", got=got, hint="Choose another folder.")
    known = read_json(path) if path.is_file() else asked
    if not isinstance(known, dict):
        raise ConfigError(path, expected="the settings of phantoms", got=type(known).__name__)
    differ = [name for name in asked if known.get(name) != asked[name]]
    if differ:
        expected, got = (", ".join(f"{name} {told.get(name)}" for name in differ) for told in (known, asked))
        raise ConfigError(out, expected=f"as its scans were made: {expected}", got=got, hint="Choose another folder.")
    if not path.is_file():
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")


def _measures(path: Path) -> dict[str, dict[str, float]]:
    known: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known
