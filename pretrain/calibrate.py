"""Teach a model how far it may be trusted: pictures with known truth are drawn of held-out bodies and segmented.

    python -m pretrain.calibrate MODEL BANK [--pictures 200] [--minutes 30] [--population TRAINED_ON]

BANK is a dataset of `condyle phantom synthetic` that the model was not trained on. The judge is fitted on half of its
bodies; what is printed, in Markdown, is of the other half. `confidence.json` goes into the model's folder. Answers are
kept beside the model, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from condyle import models
from condyle.config import from_json, to_json
from condyle.io.atomic import atomic_file
from condyle.models import Model
from condyle.models.folder import CONFIDENCE
from condyle.phantoms.synthetic.anatomy import LABELS
from condyle.phantoms.synthetic.stored import MAPS, Readable, stored_maps
from condyle.predict.confidence.fit import Known, fitted, unfitted
from condyle.predict.confidence.judge import Judge, judge_to_json
from condyle.workflow.segmentation.segmenter import PredictSettings, Segmenter
from pretrain.checked import Row, report, rows_of
from pretrain.pictures import Drawing, picture
from pretrain.population import population


def answers(
    segmenter: Segmenter, maps: Mapping[str, Readable], drawing: Drawing, kept: Path, *, minutes: float = np.inf
) -> Iterator[list[Row]]:
    """The rows of each picture; those of pictures that were done before are read.

    Args:
        segmenter: Of a model with a judge, fitted or not.
        maps: Bodies, which take turns.
        drawing: The pictures.
        kept: Where rows go, a line a picture; begun anew where it is of another model, other bodies or pictures.
        minutes: After these no further picture is begun.
    """
    end = time.monotonic() + 60 * minutes
    begun = {"seed": drawing.seed, "mm": drawing.spacing_mm, "bodies": list(maps), "model": digest(segmenter.model)}
    lines = kept.read_text(encoding="utf-8").splitlines() if kept.is_file() else []
    done = lines[1:] if lines[:1] == [json.dumps(begun)] else []
    done = list(takewhile(_whole, done))
    kept.write_text("\n".join([json.dumps(begun), *done]) + "\n", encoding="utf-8")
    for number in range(drawing.pictures):
        body = list(maps)[number % len(maps)]
        if number < len(done):
            yield [from_json(Row, row, str(kept)) for row in json.loads(done[number])]
            continue
        start = time.monotonic()
        if start > end:
            tell(f"{minutes:g} minutes are over")
            return
        drawn = picture(maps[body], drawing, number)
        rows = rows_of(number, body, drawn, segmenter.answer(drawn.scan), segmenter.model.labels)
        with kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps([to_json(row) for row in rows]) + "\n")
        tell(f"{number + 1} of {drawing.pictures}: {body}, {len(rows)} structures, {time.monotonic() - start:.0f} s")
        yield rows


def _whole(line: str) -> bool:
    """Whether a line was not being written when the run was stopped."""
    try:
        return isinstance(json.loads(line), list)
    except ValueError:
        return False


def digest(model: Model) -> str:
    """What tells one model's answers from another's, and one judge's evidence: weights, plan and judge."""
    made = hashlib.sha256(json.dumps([to_json(model.plan), dict(model.confidence)]).encode())
    for fold in model.folds:
        for tensor in model.state(fold).values():
            made.update(tensor.float().numpy().tobytes())
    return made.hexdigest()[:16] + ("" if model.before is None else digest(model.before))


def calibrated(rows: list[Row], start: Judge, drawing: Drawing) -> tuple[Judge, str]:
    """A judge fitted on every other body, and a report on the rest.

    Args:
        rows: Of all pictures.
        start: Threshold, looks and population.
        drawing: The pictures, for the record.
    """
    bodies = sorted({row.body for row in rows})
    learned = set(bodies[::2])
    known = [Known(r.name, r.evidence, r.dice) for r in rows if r.evidence is not None and r.body in learned]
    judge = fitted(known, start)
    others = [row for row in rows if row.body not in learned]
    record = {
        "drawing": to_json(drawing),
        "pictures": len({row.picture for row in rows}),
        "fitted_on": len(learned),
        "checked_on": len(bodies) - len(learned),
    }
    return replace(judge, record=record), report(others, judge)


def tell(text: str) -> None:
    """Progress, apart from the report."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("bank", type=Path)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop drawing after them")
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--spacing-mm", type=float, default=3.0)
    parser.add_argument("--dice", type=float, default=0.85, help="what counts as right")
    parser.add_argument("--population", type=Path, help="bank to take usual sizes and shapes from, if not BANK")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    model, drawing = models.load(asked.model), Drawing(asked.pictures, asked.seed, asked.spacing_mm)
    if model.labels.ids != LABELS.ids:
        raise SystemExit(f"{asked.model}: its structures are not those of drawn pictures")
    tell("Measuring bones ...")
    own = population(stored_maps((asked.population or asked.bank) / MAPS), np.random.default_rng(asked.seed))
    start = unfitted(*own, dice=asked.dice)
    segmenter = Segmenter(
        replace(model, confidence=judge_to_json(start)), PredictSettings(device=asked.device), scans=drawing.pictures
    )
    kept = asked.model.with_name(f"{asked.model.name}_calibration.jsonl")
    maps = stored_maps(asked.bank / MAPS)
    rows = [row for some in answers(segmenter, maps, drawing, kept, minutes=asked.minutes) for row in some]
    judge, text = calibrated(rows, start, drawing)
    with atomic_file(asked.model / CONFIDENCE, overwrite=True) as temporary:
        temporary.write_text(json.dumps(judge_to_json(judge), indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
