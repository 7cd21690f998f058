"""nnU-Net v2 trained for some minutes, in a process of its own with its three folders in the environment.

python -m bench.accuracy_nnunet DATASET MINUTES SEED
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from bench.accuracy import STEPS, condyle_dataset

TIMED = 3


def main(data: Path, minutes: float, seed: int) -> None:
    """Plan, prepare, train fold 0 of the dataset's own split."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprints,
        plan_experiments,
        preprocess,
    )
    from nnunetv2.paths import nnUNet_preprocessed
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - nnU-Net draws from it
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    extract_fingerprints([1], num_processes=2)
    plan_experiments([1])
    preprocess([1], configurations=("3d_fullres",), num_processes=(2,))
    folder = next(Path(nnUNet_preprocessed).glob("Dataset001*"))
    parts = condyle_dataset(data).folds.parts
    split = {
        "train": [i for i, p in parts.items() if p not in {0, "test"}],
        "val": [i for i, p in parts.items() if p == 0],
    }
    (folder / "splits_final.json").write_text(json.dumps([split]))

    trainer = nnUNetTrainer(
        json.loads((folder / "nnUNetPlans.json").read_text()) | {"continue_training": False},
        "3d_fullres",
        0,
        json.loads((folder / "dataset.json").read_text()),
        device=torch.device("cpu"),
    )
    trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = STEPS, 1
    trainer.disable_checkpointing = False
    trainer.on_train_start()
    batch = next(trainer.dataloader_train)
    # Warm up, and see how many epochs will fit. The network starts anew afterwards.
    state = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    seconds = []
    for _ in range(TIMED):
        start = time.perf_counter()
        trainer.train_step(batch)
        seconds.append(time.perf_counter() - start)
    trainer.network.load_state_dict(state)
    trainer.num_epochs = max(1, round(minutes * 60 / (min(seconds) * (STEPS + 0.5))))
    trainer.optimizer, trainer.lr_scheduler = trainer.configure_optimizers()

    steps, end = 0, time.perf_counter() + minutes * 60
    for _ in range(trainer.num_epochs):
        trainer.on_epoch_start()
        trainer.on_train_epoch_start()
        outputs = []
        for _ in range(STEPS):
            outputs.append(trainer.train_step(next(trainer.dataloader_train)))
            steps += 1
            if time.perf_counter() > end:
                break
        trainer.on_train_epoch_end(outputs)
        with torch.no_grad():
            trainer.on_validation_epoch_start()
            trainer.on_validation_epoch_end([trainer.validation_step(next(trainer.dataloader_val))])
        trainer.on_epoch_end()
        if time.perf_counter() > end:
            break
    trainer.on_train_end()
    (Path(trainer.output_folder) / "steps.json").write_text(json.dumps(steps))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
