"""Same data, same minutes, same cores: how good a model of Condyle's is beside one of nnU-Net v2's.

    python -m bench.accuracy [--minutes 4] [--seeds 2] [--data femora,hips] [--recipes default,quick+mirror=nnunet]

Simulated scans whose truth is known: proximal femora in CT, two-sided hips in CT, knees in low-field MR. Both programs
get the same cases and the same fold. nnU-Net plans, prepares, augments and trains as it comes, in as many epochs of
`STEPS` steps as fit: its schedule is told how many these are after a few timed steps. Only the training is timed.
nnU-Net's model is asked with its own mirroring, by Condyle, whose labels are nnU-Net's on every voxel (the tests) and
which is sooner done. Masks are scored by one and the same program, surfaces in mm.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

#: Kind of phantom, number of scans, spacing in mm, scanner.
DATA = {
    "femora": ("proximal_femur", 20, (2.0, 2.0, 2.0), "ct"),
    "hips": ("thighs", 12, (3.0, 3.0, 3.0), "ct"),
    "knees": ("knee", 12, (1.5, 1.5, 1.5), "mr_low_field"),
}
#: Steps of an epoch of nnU-Net, which validates and counts its learning rate down after each.
STEPS = 10


def phantoms(name: str, folder: Path) -> Path:
    """The dataset, with folds."""
    import condyle

    if (folder / "dataset.json").exists() and condyle_dataset(folder).folds is not None:
        return folder
    kind, count, spacing, scanner = DATA[name]
    condyle.phantom(kind, folder, count=count, seed=5, spacing=spacing, scanner=scanner)
    if name == "knees":
        without_sides(folder)
    condyle.folds(folder, count=4)
    return folder


def without_sides(folder: Path) -> None:
    """One label for a bone of either side: a scan shows one knee, and nobody asks which."""
    from condyle.io import read_labels, write
    from condyle.labels import Labels, without_side

    table = json.loads((folder / "dataset.json").read_text())
    sided = [structure["name"] for structure in table["labels"]["structures"]]
    bones = list(dict.fromkeys(map(without_side, sided)))
    labels = Labels.of({bone: number for number, bone in enumerate(bones, 1)})
    number = np.array([0, *(labels[without_side(name)].id for name in sided)], np.uint8)
    for path in (folder / "labels").rglob("*.nii.gz"):
        mask = read_labels(path)
        write(path, mask.with_array(number[mask.array]), overwrite=True)
    (folder / "dataset.json").write_text(json.dumps(table | {"labels": labels.to_json()}))


def condyle_dataset(folder: Path):
    """Its table."""
    from condyle.data import Dataset

    return Dataset.open(folder)


def train_condyle(data: Path, out: Path, recipe: str, minutes: float, seed: int) -> Path:
    """Train fold 0 and segment what it holds out; the folder of masks."""
    name, *changes = recipe.split("+")
    options = ["--recipe", name, "--minutes", str(minutes), "--seed", str(seed), "--label-set", "truth"]
    for change in changes:
        field, _, value = change.partition("=")
        options += [f"--{field.replace('_', '-')}", value]
    command = [sys.executable, "-m", "condyle", "train", str(data), "-o", str(out), "--fold", "0", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out / "validation"


def train_nnunet(data: Path, out: Path, minutes: float, seed: int) -> Path:
    """The same with nnU-Net."""
    import condyle
    from condyle.workflow.segmentation.predict_settings import PredictSettings

    folders = {f"nnUNet_{name}": str(out / name) for name in ("raw", "preprocessed", "results")}
    condyle.export(data, out / "raw", label_set="truth", number=1, name="bench")
    options = [str(data), str(minutes), str(seed)]
    command = [sys.executable, "-m", "bench.accuracy_nnunet", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | folders | {"nnUNet_n_proc_DA": "2"})
    model = next((out / "results").rglob("plans.json")).parent
    settings = PredictSettings(mirror="nnunet", cache=out / "cache")
    condyle.segment(model, [data], out=out / "validation", part="0", settings=settings)
    return out / "validation"


def score(data: Path, masks: Path) -> tuple[float, float, int]:
    """Mean Dice over cases and structures, mean ASSD in mm, and how many structures were missed."""
    import condyle

    held_out = [case.id for case in condyle_dataset(data).cases if condyle_dataset(data).folds.parts[case.id] == 0]
    with tempfile.TemporaryDirectory() as folder:
        for id_ in held_out:
            shutil.copy(masks / f"{id_}.nii.gz", folder)
        truth = Path(folder) / "truth"
        truth.mkdir()
        for id_ in held_out:
            shutil.copy(data / "labels" / "truth" / f"{id_}.nii.gz", truth)
        scored = condyle.evaluate(Path(folder), truth, table=data / "dataset.json", processes=1)
    rows = [row for case in scored.cases for row in case.table if row.status != "absent"]
    dice = [row.dice or 0.0 for row in rows]
    far = [row.assd_penalised_mm for row in rows]
    return sum(dice) / len(dice), sum(far) / len(far), sum(row.status == "missed" for row in rows)


def main() -> None:
    """Measure and print a table in Markdown, a line for each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--data", default=",".join(DATA))
    parser.add_argument("--recipes", default="default")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "condyle-accuracy")
    asked = parser.parse_args()
    print(f"{asked.minutes:g} minutes of training each, {len(os.sched_getaffinity(0))} cores\n")
    print("| data | tool | seed | steps | Dice | ASSD mm | missed |\n|---|---|---|---|---|---|---|")
    for name in asked.data.split(","):
        data = phantoms(name, asked.folder / "data" / name)
        for seed in range(asked.seeds):
            for tool in [*(f"condyle {recipe}" for recipe in asked.recipes.split(",") if recipe), "nnunetv2"]:
                out = asked.folder / "models" / f"{name}-{tool.replace(' ', '-')}-{seed}-{asked.minutes:g}"
                shutil.rmtree(out, ignore_errors=True)
                if tool == "nnunetv2":
                    masks = train_nnunet(data, out, asked.minutes, seed)
                    steps = json.loads(next(out.rglob("steps.json")).read_text())
                else:
                    masks = train_condyle(data, out, tool.split()[1], asked.minutes, seed)
                    steps = json.loads((out / "record.json").read_text())["folds"]["0"]["steps"]
                dice, assd_mm, missed = score(data, masks)
                print(f"| {name} | {tool} | {seed} | {steps} | {dice:.4f} | {assd_mm:.3f} | {missed} |", flush=True)


if __name__ == "__main__":
    main()
