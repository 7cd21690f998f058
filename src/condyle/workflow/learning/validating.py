"""What a fold's network makes of the cases it was not trained on, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from condyle.data import Case, Dataset
from condyle.data.importers.found import MaskFiles
from condyle.data.load import load_image
from condyle.io import write
from condyle.io.atomic import atomic_file
from condyle.metrics.compare import MetricSettings
from condyle.models import Model
from condyle.progress import Track, silent
from condyle.space import Volume
from condyle.workflow.evaluation.evaluated import CaseScores, Evaluated
from condyle.workflow.evaluation.pairs import CasePair
from condyle.workflow.evaluation.scoring import Request, score_case
from condyle.workflow.segmentation.overlap import overlapped
from condyle.workflow.segmentation.predict_settings import PredictSettings
from condyle.workflow.segmentation.segmenter import Segmenter


def predict_held_out(
    model: Model, fold: str, dataset: Dataset, cases: Sequence[Case], out: Path, *, device: str, track: Track = silent
) -> None:
    """Segment the cases that a fold was not trained on. Masks that are there are kept.

    Args:
        model: With the fold.
        fold: Which.
        dataset: Where the cases are.
        cases: Those held out.
        out: Folder of the masks, `<case>.nii.gz`.
        device: What computes.
        track: Told of each case.
    """
    segmenter = Segmenter(_alone(model, fold), PredictSettings(device=device))
    to_do = [case for case in cases if not mask_path(out, case).is_file()]

    def read(case: Case) -> list[Volume]:
        return [load_image(dataset, case, channel) for channel in dataset.channels]

    def ask(case: Case, channels: list[Volume]) -> Volume:
        del case
        return segmenter.segment(*channels)

    def keep(case: Case, mask: Volume) -> None:
        write(mask_path(out, case), mask)

    for _ in zip(track(to_do, f"Validating fold {fold}"), overlapped(to_do, read, ask, keep), strict=True):
        pass


def _alone(model: Model, fold: str) -> Model:
    """The networks of one fold; of a cascade's first stage, too, for its other folds were trained on these cases."""
    before = None if model.before is None else _alone(model.before, fold)
    return replace(model, weights={fold: model.weights[fold]}, cleanup=(), before=before)


def forget(out: Path, cases: Sequence[Case]) -> None:
    """Remove the masks of cases, which other weights made."""
    for case in cases:
        mask_path(out, case).unlink(missing_ok=True)


def score_held_out(dataset: Dataset, label_set: str, out: Path, *, track: Track = silent) -> Evaluated:
    """The scores of all masks that held-out cases have, also written to `scores.csv` beside them."""
    request = Request(dataset.labels, (), None, resample=False, settings=MetricSettings())
    cases = []
    for case, (truth, mask) in track(list(held_out_masks(dataset, label_set, out).items()), "Scoring"):
        group = dataset[case].group
        pair = CasePair(case, group, reference=MaskFiles(whole=truth), prediction=MaskFiles(whole=mask))
        cases.append(CaseScores(case, group, score_case(pair, request)))
    scored = Evaluated(tuple(cases))
    with atomic_file(out / "scores.csv", overwrite=True) as temporary:
        temporary.write_text(scored.to_csv(), encoding="utf-8")
    return scored


def held_out_masks(dataset: Dataset, label_set: str, out: Path) -> dict[str, tuple[Path, Path]]:
    """Case to the files of its true and its predicted mask, for all that were predicted."""
    return {
        case.id: (dataset.path(case.label_sets[label_set]), mask_path(out, case))
        for case in dataset.labelled
        if label_set in case.label_sets and mask_path(out, case).is_file()
    }


def mask_path(out: Path, case: Case) -> Path:
    """Where a held-out case's mask lies."""
    return out / f"{case.id}.nii.gz"
