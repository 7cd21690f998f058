"""Give a model the cleanup steps that help on pictures of held-out bodies.

    python -m pretrain.tidy MODEL BANK [--pictures 40]

The pictures are others than those that calibrate its lights, of the bodies that the judge is fitted on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from condyle import models
from condyle.io import write
from condyle.models.folder import write_tables
from condyle.phantoms.synthetic.stored import MAPS, stored_maps
from condyle.predict.cleanup import steps_to_json
from condyle.predict.steps import Step
from condyle.workflow.learning.cleanup_choice import Judged, choose_cleanup
from condyle.workflow.segmentation.segmenter import PredictSettings, Segmenter
from pretrain.checked import SMALLEST_ML
from pretrain.pictures import Drawing, picture

#: Start of the chance that these pictures are drawn by.
SEED = 8
#: Bones of a leg, which are on the same side, and the one that lies outside the one before it.
LEG, OUTER = ("femur_left", "tibia_left", "fibula_left", "patella_left"), "fibula_left"


def tidied(model: Path, bank: Path, pictures: int, device: str = "cpu") -> tuple[tuple[Step, ...], tuple[Judged, ...]]:
    """Choose the steps, and store them with the model in place of those it had.

    Args:
        model: The trained folder.
        bank: Dataset of bodies that were held out.
        pictures: How many are drawn.
        device: What computes.

    Returns:
        The steps that are kept, and all that were tried.
    """
    loaded = models.load(model)
    segmenter = Segmenter(loaded, PredictSettings(device=device, cleanup="off"), scans=pictures)
    maps = list(stored_maps(bank / MAPS).values())[::2]
    with TemporaryDirectory() as folder:
        masks, scans = {}, {}
        for number in range(pictures):
            scan, truth, _ = picture(maps[number % len(maps)], Drawing(pictures, SEED), number)
            seen, right, found = (Path(folder) / f"{number}_{what}.nii" for what in ("seen", "right", "found"))
            for path, volume in ((seen, scan), (right, truth), (found, segmenter.segment(scan))):
                write(path, volume)
            masks[str(number)], scans[str(number)] = (right, found), seen
        steps, tried = choose_cleanup(masks, loaded.labels, scans=scans, limb=LEG, outer=OUTER, smallest_ml=SMALLEST_ML)
    write_tables(replace(loaded, cleanup=tuple(steps_to_json(steps))), model, model.name)
    return steps, tried


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("bank", type=Path)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    kept, tried = tidied(asked.model, asked.bank, asked.pictures, asked.device)
    for judged in tried:
        word = "kept" if set(judged.steps) <= set(kept) else "left"
        print(f"{', '.join(map(str, judged.steps))}: Dice {judged.before:.4f}, with it {judged.after:.4f}; {word}")


if __name__ == "__main__":
    main()
