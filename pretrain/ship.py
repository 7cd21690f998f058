"""The trained model into the package: small weights, and a card with where it came from, its tests and its limits."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from condyle import models
from condyle.models import Model
from condyle.models.folder import BEFORE
from condyle.models.shipped import FOLDER
from pretrain.real import RealScan

#: What the package may grow by.
MOST_MB = 12.0
#: Lines of the log in the card, for each stage.
LOGGED = 12

_HEAD = """# bones

Femur, hip, tibia, fibula and patella, left and right, in CT and MR, with sacrum, spine and other bone as structures of
their own so that they do not leak into these. `condyle segment scan.nii.gz -o bones.nii.gz`.

**For research.** No real scan with labels was used to train it: every picture it learned from was drawn.

## Trained on

- {bodies} bodies sampled from bone surfaces and modelled anatomy (`condyle phantom synthetic --seed 1`), drawn anew
  for every step: {steps} steps of the first stage, {second} of the second, {minutes:.0f} minutes on {device}.
- Bone surfaces: OpenSim model Gait2392 (Delp, Loan, Hoy, Zajac, Topp, Rosen, Thelen, Anderson, Seth), CC BY 3.0.
- Seed {seed}, commit {commit}, {versions}. `make pretrain` takes the same steps;
  with `--start bones` it goes on from here.

{log}

Weights: Apache-2.0, as the package; the surfaces' credit must stay with them.

## Tested on

### Drawn scans of bodies it never saw

{held_out}

### Real scans

None was used for training or for choosing weights or steps; looking at them showed what drawn anatomy lacked. The hip's
reference is TotalSegmentator's output, not an expert's.

{real}

## Limits

- The surfaces make one adult skeleton; children, short stature, age and deeper hips are drawn by changing them.
- Small fields of view (a knee alone, a slab, one bone cut out) and MR are misread far more often than a CT of hips
  or thighs.
- No fractures, tumours, prostheses (nails are drawn, joint replacements are not), or scans that lie askew.
- Feet, arms and ribs are one structure, `other_bone`, and not meant to be measured.
- A light beside each structure (`NAME_confidence.json`) says how far to trust it; red means: look.
"""


def ship(
    model: Path, held_out: str, real: Sequence[RealScan], *, device: str, commit: str, target: Path = FOLDER
) -> Path:
    """Write the model, small and with its card, to where the package looks for it.

    Args:
        model: The trained folder.
        held_out: Table of held-out drawn scans, in Markdown.
        real: What was found in real scans.
        device: What it was trained on, in words.
        commit: What it was trained with; several, if training was gone on with later.
        target: Folder of shipped models.
    """
    loaded = models.load(model)
    text = card(loaded, held_out, real, device=device, commit=commit, log=log_table(model))
    folder = target / "bones"
    models.save(replace(models.compact(loaded), card=text), folder, overwrite=True)
    size_mb = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    if size_mb > MOST_MB:
        raise SystemExit(f"{folder}: {size_mb:.1f} MB, more than the {MOST_MB:g} MB that the package may grow by")
    print(f"{folder}: {size_mb:.1f} MB")
    return folder


def card(model: Model, held_out: str, real: Sequence[RealScan], *, device: str, commit: str, log: str) -> str:
    """The card's text; arguments as `ship`, and the table of `log_table`."""
    record, first = model.record, {} if model.before is None else model.before.record
    second, before = record["folds"]["all"], first.get("folds", {}).get("all", {})
    return _HEAD.format(
        bodies=record["cases"],
        steps=before.get("steps", 0),
        second=second["steps"],
        minutes=(second["seconds"] + before.get("seconds", 0)) / 60,
        device=device,
        seed=model.recipe["seed"],
        commit=commit,
        log=log,
        versions=f"condyle {record['condyle']}, torch {record['torch']}",
        held_out=held_out,
        real=real_table(real),
    )


def log_table(model: Path) -> str:
    """How the loss of both stages fell, from the tables that training left beside the weights."""
    out = ["| stage | step | minutes | rate | loss |", "|---|---|---|---|---|"]
    for stage, folder in (("first", model / BEFORE), ("second", model)):
        with (folder / "training" / "fold_all" / "history.csv").open(encoding="utf-8") as file:
            epochs = list(csv.DictReader(file))
        minutes = 0.0
        every = -(-len(epochs) // LOGGED)
        for n, epoch in enumerate(epochs, start=1):
            minutes += float(epoch["seconds"]) / 60
            if n % every == 0 or n == len(epochs):
                rate, loss = float(epoch["rate"]), float(epoch["loss"])
                out.append(f"| {stage} | {epoch['steps']} | {minutes:.0f} | {rate:.1e} | {loss:.3f} |")
    return "\n".join(out)


def real_table(real: Sequence[RealScan]) -> str:
    """A line a scan."""
    rows = ["| scan | found (ml) | Dice with the reference | leg bones (ml) | s |", "|---|---|---|---|---|"]
    for scan in real:
        found = ", ".join(f"{name} {ml:g}" for name, ml in scan.volumes_ml.items()) or "nothing"
        dice = ", ".join(f"{name} {value:.3f}" for name, value in scan.dice.items()) or "-"
        rows.append(f"| {scan.scan} | {found} | {dice} | {scan.leg_bones_ml:.2f} | {scan.seconds:g} |")
    return "\n".join(rows)


def real_from_json(path: Path) -> list[RealScan]:
    """What `pretrain.real` wrote."""
    return [RealScan(**told) for told in json.loads(path.read_text(encoding="utf-8"))]
