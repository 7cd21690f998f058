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

import condyle
from condyle.io import read, read_labels
from condyle.labels import Labels
from condyle.metrics.overlap import confusion
from condyle.metrics.volumes import volumes_ml
from condyle.reports.planes import draw_planes
from condyle.space import Volume
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
    draw_planes(out / f"{Path(name).name.removesuffix('.nii.gz')}.png", scan, mask, title=name)
    found_ml = {structure: round(ml, 3) for structure, ml in volumes_ml(mask, labels).items() if ml}
    return RealScan(name, round(seconds, 1), found_ml, _agreement(data / name, mask, labels))


def _agreement(scan: Path, mask: Volume, labels: Labels) -> dict[str, float]:
    if scan.name != "hip_right.nii.gz":
        return {}
    truth = read_labels(scan.with_name("hip_right_labels.nii.gz"))
    table = {"femur_right": 1, "hip_right": 2}
    own = np.zeros(max(labels.ids) + 1, np.uint8)
    own[[labels[name].id for name in table]] = list(table.values())
    found = confusion(truth.array, own[mask.array])
    return {name: round(found.overlap([id_]).dice or 0.0, 4) for name, id_ in table.items()}


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
