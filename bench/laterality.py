"""Are left and right told apart? Two-sided phantoms, the same network and minutes, patches mirrored in two ways.

    python -m bench.laterality [--kind thighs] [--count 8] [--spacing 8] [--minutes 1] [--tools safe,nnunet,nnunetv2]

`safe` is Condyle's way: a patch mirrored along the patient's left-right axis has its sided labels swapped. `nnunet`
is the same training but for that: all axes are mirrored, labels stay as they are, which is nnU-Net's default.
`nnunetv2` is nnU-Net v2 itself, as it comes. Cases held out are scored structure by structure; `swapped` is the share
of a structure's voxels that were given to its partner on the other side.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from bench.accuracy import condyle_dataset, train_condyle, train_nnunet


def phantoms(folder: Path, kind: str, count: int, spacing_mm: float) -> Path:
    """The dataset, with folds."""
    import condyle

    condyle.phantom(kind, folder, count=count, seed=5, spacing=(spacing_mm,) * 3)
    if condyle_dataset(folder).folds is None:
        condyle.folds(folder, count=4)
    return folder


def trained(tool: str, data: Path, out: Path, minutes: float) -> Path:
    """The masks that a tool makes of the cases held out."""
    shutil.rmtree(out, ignore_errors=True)
    if tool == "nnunetv2":
        return train_nnunet(data, out, minutes, seed=0)
    return train_condyle(data, out, f"quick+mirror={tool}", minutes, seed=0)


def score(data: Path, masks: Path) -> list[tuple[str, float, float]]:
    """Each sided structure with its mean Dice and the mean share of it that was given to its partner."""
    from condyle import io

    dataset = condyle_dataset(data)
    partner = dataset.labels.mirror_table()
    found = defaultdict(list)
    for case in (case for case in dataset.cases if dataset.folds.parts[case.id] == 0):
        truth = io.read_labels(dataset.path(case.label_sets["truth"])).array
        mask = io.read_labels(masks / f"{case.id}.nii.gz").array
        for structure in dataset.labels.structures:
            if structure.mirror is not None:
                true, ours = truth == structure.id, mask == structure.id
                dice = 2 * (true & ours).sum() / max(1, true.sum() + ours.sum())
                found[structure.name].append((dice, (mask[true] == partner[structure.id]).mean()))
    return [(name, *map(float, np.mean(values, 0))) for name, values in found.items()]


def main() -> None:
    """Measure and print a table in Markdown, a line for each structure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default="thighs")
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--spacing", type=float, default=8.0)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--tools", default="safe,nnunet,nnunetv2")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "condyle-laterality")
    asked = parser.parse_args()
    data = phantoms(asked.folder / asked.kind, asked.kind, asked.count, asked.spacing)
    print(f"{asked.count} {asked.kind}, {asked.spacing:g} mm, {asked.minutes:g} minutes of training each\n")
    print("| mirroring | structure | Dice | swapped |\n|---|---|---|---|")
    for tool in asked.tools.split(","):
        masks = trained(tool, data, asked.folder / f"{asked.kind}-{tool}", asked.minutes)
        for name, dice, swapped in score(data, masks):
            print(f"| {tool} | {name} | {dice:.3f} | {swapped:.1%} |", flush=True)


if __name__ == "__main__":
    main()
