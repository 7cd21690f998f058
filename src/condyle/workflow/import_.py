"""`condyle import`: other people's folders become a dataset."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from condyle.data.dataset import FILE, Dataset, refuse_foreign
from condyle.data.importers import Handling, Work, find_sources, group_of, groups_from_csv, import_case, plan_masks
from condyle.data.importers.pairing import Meaning
from condyle.data.lock import one_writer
from condyle.data.names import require_safe, safe_name
from condyle.errors import CondyleError, ConfigError, DataError
from condyle.io.surface import Space
from condyle.progress import Track, silent

log = logging.getLogger("condyle")


@dataclass(frozen=True)
class ImportResult:
    """What an import did.

    Args:
        folder: The dataset.
        added: Ids of new cases.
        extended: Ids of cases that got a label set.
        already: Ids of cases of the sources that were there in full.
        failed: Case id to what was wrong; the others went on.
        unmatched: Masks without scan, scans without mask, missing structures (let through as asked).
        notes: What was left out or resampled, as asked.
    """

    folder: str
    added: tuple[str, ...]
    extended: tuple[str, ...]
    already: tuple[str, ...]
    failed: Mapping[str, str]
    unmatched: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every case went in."""
        return not self.failed

    @property
    def exit_code(self) -> int:
        """What the command line leaves with: 1 if a case failed."""
        return 0 if self.ok else 1

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"without partner: {line}" for line in self.unmatched]
        lines += self.notes
        lines += [f"failed: {id_}: {message}" for id_, message in self.failed.items()]
        counts = {
            "added": self.added,
            "extended": self.extended,
            "already there": self.already,
            "failed": self.failed,
        }
        lines.append(f"{self.folder}: " + ", ".join(f"{len(ids)} {what}" for what, ids in counts.items()))
        return "\n".join(lines)


def import_(
    sources: Sequence[Path],
    out: Path,
    *,
    images: Mapping[str, Path] | None = None,
    label_sets: Mapping[str, Path] | None = None,
    channels: Sequence[str] | None = None,
    name: str | None = None,
    names: Mapping[str, int] | None = None,
    remap: Mapping[str, str] | None = None,
    ignore: int | None = None,
    priority: Sequence[str] = (),
    case_pattern: str | None = None,
    mask_pattern: str | None = None,
    group_pattern: str | None = None,
    groups: Path | None = None,
    series: str | None = None,
    nnunet_label_set: str = "reference",
    spacing: tuple[float, float, float] | None = None,
    mesh_space: Space = "RAS",
    mesh_scale_to_mm: float = 1.0,
    fix_tilt: bool = False,
    resample_masks: bool = False,
    allow_unmatched: bool = False,
    overwrite: bool = False,
    track: Track = silent,
) -> ImportResult:
    """Make a dataset, or add cases or label sets to one.

    Each case is written whole, then entered in `dataset.json`: an import that is stopped can be run again and
    does the rest. A case that fails is reported in the result and the others go on.

    Args:
        sources: Scan files, folders of scans, DICOM files, folders or zips, or one nnU-Net raw folder. None at
            all to add label sets to the cases there are.
        out: The dataset's folder: new, empty, or a dataset.
        images: In place of sources, for several channels: a path for each, such as T1=folder. Files of one case
            have the same name.
        label_sets: A set's name and its masks: a folder, or one file if there is one scan. For a case c01 these
            names are understood: c01.nii.gz and c01_seg.nii.gz for a label map, c01/femur.nii.gz and
            c01_femur.stl for one structure.
        channels: Names of the images in the sources, in order of nnU-Net's numbers where they have them; by
            default those of the dataset, and "image" in a new one.
        name: The dataset's name; by default that of its folder.
        names: Names and ids of the dataset's structures, such as femur_left=1. Of masks that are one file
            a structure, or name their segments (.seg.nrrd), only these are taken.
        remap: What ids or names in the masks become: a structure's name, or nothing to drop it. The key * stands
            for all others.
        ignore: Id of voxels nobody labelled.
        priority: Structures in falling priority where masks overlap. Without it they must not overlap.
        case_pattern: A regular expression that finds scans in all folders below: searched in each path without
            its suffix, with the group (?P<case>...) and perhaps (?P<channel>...).
        mask_pattern: The same for masks, with the groups case and perhaps structure.
        group_pattern: A regular expression whose first bracket in a case id is its group (patient, donor).
        groups: A CSV file with the columns case and group, or patient; goes before the pattern.
        series: Which DICOM series, where folders hold several: number, UID or part of its description.
        nnunet_label_set: What to call the labels of an nnU-Net folder.
        spacing: Voxel spacing in mm of TIFF stacks that do not tell theirs.
        mesh_space: World of surface coordinates: RAS, or LPS as 3D Slicer writes it.
        mesh_scale_to_mm: Millimetres per unit of surface coordinates: 1000 for metres.
        fix_tilt: Straighten DICOM series with gantry tilt.
        resample_masks: Resample masks that lie on another grid than their scan (nearest voxel).
        allow_unmatched: Go on where scans lack masks or masks lack scans.
        overwrite: Import cases and label sets again that are there already.
        track: Told of each case.

    Raises:
        DataError: if nothing can be imported at all: paths, pairing, a folder that cannot be written.
        ConfigError: if options contradict each other or the dataset.
    """
    for label_set in (*(label_sets or {}), nnunet_label_set):
        require_safe(label_set, "label set")
    refuse_foreign(out)
    with one_writer(out, make=True):
        known = Dataset.open(out) if (out / FILE).exists() else None
        default = known.channels if known else ("image",)
        found = find_sources(
            sources, images or {}, channels=tuple(channels or default), case_pattern=case_pattern, series=series
        )
        title = name or (found.nnunet.name if found.nnunet else safe_name(out.resolve().name))
        dataset = known or Dataset(out, title, found.channels)
        if found.cases and found.channels != dataset.channels:
            raise ConfigError(
                "channels", expected=f"{', '.join(dataset.channels)}, as in the dataset", got=", ".join(found.channels)
            )
        plan = plan_masks(
            found,
            label_sets or {},
            existing=[case.id for case in dataset.cases],
            labels=dataset.labels,
            meaning=Meaning(names, remap, ignore, tuple(priority)),
            mask_pattern=mask_pattern,
            nnunet_set=nnunet_label_set,
        )
        if not found.cases and not plan.sets:
            raise ConfigError("sources", expected="scans, or a label set for the cases there are", got="neither")
        if plan.unmatched and not allow_unmatched:
            raise _unmatched(out, plan.unmatched)
        table = groups_from_csv(groups) if groups is not None else None
        group_ids = {
            id_: group_of(id_, pattern=group_pattern, table=table, told=case.group or case.patient)
            for id_, case in found.cases.items()
        }
        handling = Handling(
            spacing_mm=spacing,
            mesh_space=mesh_space,
            mesh_scale_to_mm=mesh_scale_to_mm,
            fix_tilt=fix_tilt,
            resample_masks=resample_masks,
            overwrite=overwrite,
        )
        dataset = replace(dataset, labels=plan.labels)
        dataset.save()
        return _run(dataset, Work(found, plan, group_ids, handling), track)


def _run(dataset: Dataset, work: Work, track: Track) -> ImportResult:
    added: list[str] = []
    extended: list[str] = []
    already: list[str] = []
    failed: dict[str, str] = {}
    notes = [*work.found.notes, *work.plan.notes]
    for id_ in track(work.case_ids, "Importing cases"):
        old = dataset.get(id_)
        try:
            case, said = import_case(dataset, id_, work)
            entered = dataset.with_case(case) if case else dataset
        except CondyleError as error:
            log.warning("%s: %s", id_, error)
            failed[id_] = str(error)
            continue
        if case is None:
            already.append(id_)
            continue
        (added if old is None else extended).append(id_)
        notes += said
        dataset = entered
        dataset.save()
    return ImportResult(
        folder=str(dataset.folder),
        added=tuple(added),
        extended=tuple(extended),
        already=tuple(already),
        failed=failed,
        unmatched=work.plan.unmatched,
        notes=tuple(notes),
    )


def _unmatched(out: Path, lines: Sequence[str]) -> DataError:
    shown = "".join(f"\n  {line}" for line in lines[:20])
    more = f"\n  and {len(lines) - 20} more" if len(lines) > 20 else ""
    return DataError(
        out,
        expected="a mask for every scan and a scan for every mask",
        got=f"{len(lines)} without partner:{shown}{more}\n",
        hint="Rename them, give a pattern, or allow unmatched files.",
    )
