"""What a model makes of real scans that it never saw: numbers, and pictures to look at.

    python -m pretrain.real MODEL ../shared/data FOLDER

The reference label maps of the hip are TotalSegmentator's output, not an expert's: Dice against them is agreement.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import condyle
from condyle.io import read, read_labels
from condyle.labels import Labels
from condyle.space import Volume, reorient
from condyle.workflow.segmentation.segmenter import Segmenter

#: Bones of which none is in view of an upper abdomen.
LEG_BONES = ("femur", "tibia", "fibula", "patella")
SCANS = (
    "ct_abdomen_pelvis/hip_right.nii.gz",
    "ct_abdomen_pelvis/abdomen.nii.gz",
    "ct_dicom_abdomen",
    "mr_knee/sag_t1.nii.gz",
)


@dataclass(frozen=True)
class RealScan:
    """What was found in one scan.

    Args:
        scan: Its path in the data folder.
        seconds: What it took, model in memory.
        volumes_ml: Of each structure that was found.
        dice: With the reference, of the structures that it has.
    """

    scan: str
    seconds: float
    volumes_ml: dict[str, float]
    dice: dict[str, float]

    @property
    def leg_bones_ml(self) -> float:
        """Of all bones of the leg; the hip bone belongs to the trunk."""
        return sum(ml for name, ml in self.volumes_ml.items() if name.startswith(LEG_BONES))


def measured(model: Path, data: Path, out: Path) -> list[RealScan]:
    """Segment the scans of the data folder that are there; a picture of each goes to `out`."""
    segmenter = condyle.load(model)
    out.mkdir(parents=True, exist_ok=True)
    return [_measured(segmenter, data, scan, out) for scan in SCANS if (data / scan).exists()]


def _measured(segmenter: Segmenter, data: Path, name: str, out: Path) -> RealScan:
    scan, labels = read(data / name), segmenter.model.labels
    segmenter.make_ready()
    start = time.perf_counter()
    mask = segmenter.segment(scan)
    seconds = time.perf_counter() - start
    counts = np.bincount(mask.array.ravel(), minlength=max(labels.ids) + 1) * mask.grid.voxel_volume_mm3 / 1000
    volumes = {s.name: round(float(counts[s.id]), 2) for s in labels.structures if counts[s.id]}
    draw(scan, mask, labels, out / f"{Path(name).name.removesuffix('.nii.gz')}.png")
    return RealScan(name, round(seconds, 1), volumes, _agreement(data / name, mask, labels))


def _agreement(scan: Path, mask: Volume, labels: Labels) -> dict[str, float]:
    if scan.name != "hip_right.nii.gz":
        return {}
    truth = read_labels(scan.with_name("hip_right_labels.nii.gz")).array
    known = {"femur_right": 1, "hip_right": 2}
    return {name: round(_dice(mask.array == labels[name].id, truth == id_), 4) for name, id_ in known.items()}


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2 * float((a & b).sum()) / max(float(a.sum() + b.sum()), 1)


def draw(scan: Volume, mask: Volume, labels: Labels, out: Path) -> None:
    """Three slices along each axis, bones coloured, the patient's right on the left."""
    import matplotlib.pyplot as plt

    image, found = reorient(scan, "RAS").array.astype(np.float32), reorient(mask, "RAS").array
    spacing = np.array(reorient(scan, "RAS").grid.spacing_mm)
    low, high = (-250, 800) if image.min() < -200 else np.percentile(image, (1, 99.5))
    colors = np.array([(0, 0, 0), *(s.color for s in labels.structures)]) / 255
    figure, axes = plt.subplots(3, 4, figsize=(12, 9), facecolor="black")
    for row, axis in zip(axes, (2, 1, 0), strict=True):
        bone = (found > 0).sum(tuple(a for a in range(3) if a != axis))
        there = np.flatnonzero(bone) if bone.any() else np.arange(len(bone))
        for place, at in zip(row, np.quantile(there, (0.2, 0.4, 0.6, 0.8)).astype(int), strict=True):
            flat, mapped = np.take(image, at, axis), np.take(found, at, axis)
            across, up = spacing[[a for a in range(3) if a != axis]]
            gray = np.clip((flat - low) / (high - low), 0, 1)[..., None].repeat(3, -1)
            shown = np.where((mapped > 0)[..., None], 0.5 * gray + 0.5 * colors[mapped], gray)
            shown = shown[:, ::-1].transpose(1, 0, 2)
            # Seen from the feet and from the front: right is on the left.
            place.imshow(shown[:, ::-1] if axis == 0 else shown, aspect=up / across)
            place.set_title(f"{'RAS'[axis]} {at}", color="white", fontsize=7)
            place.axis("off")
    figure.tight_layout(pad=0.3)
    figure.savefig(out, dpi=90, facecolor="black")
    plt.close(figure)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    told: list[dict[str, Any]] = []
    for scan in measured(asked.model, asked.data, asked.out):
        print(f"{scan.scan}: {scan.seconds:g} s, leg bones {scan.leg_bones_ml:.2f} ml, Dice {scan.dice or '-'}")
        print("   " + ", ".join(f"{name} {ml:g}" for name, ml in scan.volumes_ml.items()))
        told.append(asdict(scan))
    (asked.out / "real.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
