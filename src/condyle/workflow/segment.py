"""`condyle segment`: a model's label maps of scans."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from condyle.data.importers.found import FoundCase
from condyle.errors import ConfigError
from condyle.io import FORMATS, suffix_of
from condyle.io.atomic import refuse_existing
from condyle.jobs.settings import JobSettings
from condyle.progress import Track, silent
from condyle.workflow.segmentation.asked_model import asked_model
from condyle.workflow.segmentation.kept_model import kept_segmenter
from condyle.workflow.segmentation.outputs import Outputs
from condyle.workflow.segmentation.predict_settings import PredictSettings
from condyle.workflow.segmentation.regions import Region
from condyle.workflow.segmentation.scan_by_scan import ScanByScan, Written
from condyle.workflow.segmentation.scans import channels_of_one
from condyle.workflow.segmentation.segment_jobs import cases_to_segment, segment_by_jobs
from condyle.workflow.segmentation.segmented import Segmented
from condyle.workflow.segmentation.segmenter import load
from condyle.workflow.shared.command import command_of


def segment(
    model: Path,
    scans: Sequence[Path] = (),
    *,
    out: Path | None = None,
    part: str | None = None,
    one_case: bool = False,
    to_come: int = 0,
    configuration: str | None = None,
    suffix: str = ".nii.gz",
    region: tuple[float, float, float, float, float, float] | None = None,
    region_mask: Path | None = None,
    settings: PredictSettings = PredictSettings(),  # noqa: B008 - frozen
    jobs: JobSettings = JobSettings(),  # noqa: B008 - frozen
    overwrite: bool = False,
    track: Track = silent,
) -> Segmented:
    """Segment scans with a trained model, ours or nnU-Net v2's; each mask lies on its scan's own grid.

    Where no model is named, all that is named are scans, and the model `bones` is asked: an installed one of that
    name, else one that came with the package.

    Masks that are there already are kept: a run that was stopped goes on. A scan that fails is reported and the
    others go on.

    Args:
        model: A model folder or zip, ours or of nnU-Net v2; or the name of a model, see `condyle model list`; or the
            first scan.
        scans: Files, folders of files (with _0000, _0001 ... for channels), DICOM folders or zips, or a dataset.
        out: The folder to write masks to, named like their scans; or one file, for one scan.
        part: Of a dataset, segment this part of its split only: test, train, or a fold's number.
        one_case: The scans are the channels of one case, in the model's order.
        to_come: So many scans will come in all, where this command is one of many: for many a network is converted.
        configuration: Which, where an nnU-Net folder holds several: 2d, 3d_fullres.
        suffix: Format of the masks, e.g. .nii.gz, .nrrd or .seg.nrrd.
        region: Look only here, x0 x1 y0 y1 z0 z1 in mm (RAS); the rest is background.
        region_mask: Look only around what this mask marks; or a folder of masks, named like the scans.
        settings: How to ask the model.
        jobs: Where to work on a cohort.
        overwrite: Segment again what is there.
        track: Told of each scan.

    Raises:
        DataError: if there is nothing to segment.
        ConfigError: if there is no place to write to, or no scan beside the model.
        ModelError: if the model cannot be used, or what is named first is neither a model nor a scan.
    """
    if out is None:
        raise ConfigError("out", expected="a folder or file to write masks to (-o)", got="none")
    if suffix not in FORMATS:
        raise ConfigError("suffix", expected=f"one of {', '.join(FORMATS)}", got=suffix)
    wanted = Region(region, region_mask)
    asked = asked_model(model, scans)
    segmenter = load(asked.path, settings, configuration=configuration)
    channels = [channel.name for channel in segmenter.plan.channels]
    cases = channels_of_one(asked.scans, channels) if one_case else cases_to_segment(asked.scans, channels, part)
    judges = bool(segmenter.model.confidence)
    outputs = _outputs(list(cases), out, suffix, settings, overwrite=overwrite, judges=judges)
    _refuse_scans(cases, outputs)
    to_do = [id_ for id_ in cases if overwrite or not outputs[id_].complete]
    if jobs.run_on:
        given: dict[str, Any] = {"settings": settings, "configuration": configuration, "overwrite": overwrite}
        given |= {"region": region, "region_mask": region_mask}
        # By powers of ten, so that a cohort may grow and its commands stay what they are.
        given |= {"to_come": 10 ** (len(str(len(cases))) - 1)}

        def command(channels: Sequence[Path], mask: Path) -> tuple[str, ...]:
            first, *others = (*asked.words, *channels)
            return command_of(segment, model=first, scans=others, out=mask, one_case=len(channels) > 1, **given)

        memory_gib = settings.max_memory_gib or 0.0
        return segment_by_jobs(cases, outputs, to_do, out, command, memory_gib=memory_gib, jobs=jobs, track=track)
    if to_do and to_come:
        segmenter = kept_segmenter(asked.path, settings, configuration, to_come)
    elif to_do:
        segmenter = replace(segmenter, scans=len(to_do))
        segmenter.make_ready()
    results = ScanByScan(segmenter, cases, outputs, wanted, out, overwrite).run(to_do, track)
    done = {id_: result for id_, result in results.items() if isinstance(result, Written)}
    failed = {id_: result for id_, result in results.items() if isinstance(result, Exception)}
    if failed and len(cases) == 1:
        raise next(iter(failed.values()))
    return Segmented(
        masks={id_: outputs[id_].mask for id_ in done},
        volumes_ml={id_: case.volumes_ml for id_, case in done.items()},
        resources={id_: case.resources for id_, case in done.items()},
        memory_gib={id_: case.memory_gib for id_, case in done.items()},
        confidence={id_: case.confidence for id_, case in done.items() if case.confidence is not None},
        skipped=tuple(id_ for id_ in cases if id_ not in to_do),
        failed={id_: str(error) for id_, error in failed.items()},
    )


def _outputs(
    cases: Sequence[str], out: Path, suffix: str, settings: PredictSettings, *, overwrite: bool, judges: bool
) -> dict[str, Outputs]:
    """Where each case goes: into a folder, or to the one file that is named."""
    if suffix_of(out) is None:
        return {id_: Outputs.beside(out / f"{id_}{suffix}", settings, judges=judges) for id_ in cases}
    if len(cases) > 1:
        raise ConfigError("out", expected=f"a folder, for {len(cases)} scans", got=out.name)
    refuse_existing(out, overwrite=overwrite)
    return {id_: Outputs.beside(out, settings, judges=judges) for id_ in cases}


def _refuse_scans(cases: Mapping[str, FoundCase], outputs: Mapping[str, Outputs]) -> None:
    """Raise a `ConfigError` if a mask would take the place of a scan."""
    scans = {os.path.realpath(image.path) for case in cases.values() for image in case.images.values()}
    for output in outputs.values():
        if os.path.realpath(output.mask) in scans:
            hint = "Name another folder or file."
            raise ConfigError("out", expected="a place beside the scans", got=str(output.mask), hint=hint)
