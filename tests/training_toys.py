"""Small things to train with, and a training that can be run as a program."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from condyle.config import NetConfig
from condyle.labels import Labels
from condyle.losses.build import build as build_loss
from condyle.losses.targets import class_table
from condyle.nets.resnet34_unet import KERNELS, STRIDES
from condyle.recipe import Recipe
from condyle.space import Box
from condyle.training import Batches, drawn, fit, on_signals, world

LABELS = Labels.of({"femur": 1, "tibia": 3})
TABLE = class_table(LABELS)
RECIPE = Recipe(
    optimizer="adamw", rate=1e-2, schedule="cosine", epochs=3, iterations=4, val_iterations=2, precision="fp32",
    compiled=False, average=0.9,
)  # fmt: skip


class ToyArray(np.ndarray):
    """An array in memory that is read as one on disk."""

    def read(self, box: Box) -> np.ndarray:
        assert all(0 <= a < b <= n for a, b, n in zip(box.start, box.stop, self.shape[-3:], strict=True))
        return np.array(self[(..., *box.slices)])


@dataclass(frozen=True)
class ToyCase:
    """A prepared case in memory."""

    image: ToyArray
    labels: ToyArray
    positions: dict[int, np.ndarray]
    voxels: dict[int, int]

    @classmethod
    def of(cls, image: np.ndarray, labels: np.ndarray, ids: tuple[int, ...] = (1, 3)) -> ToyCase:
        positions = {id_: np.argwhere(labels == id_) for id_ in ids if (labels == id_).any()}
        voxels = {id_: len(where) for id_, where in positions.items()}
        return cls(image.astype(np.float32).view(ToyArray), labels.astype(np.int16).view(ToyArray), positions, voxels)


def case(seed: int = 0, shape: tuple[int, int, int] = (12, 14, 13)) -> ToyCase:
    """Two blocks that are brighter than what is round them, in noise."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int16)
    i, j, k = rng.integers(0, 3, 3)
    labels[i + 1 : i + 6, j + 1 : j + 6, k + 1 : k + 6] = 1
    labels[i + 6 : i + 10, j + 2 : j + 8, k + 2 : k + 8] = 3
    image = labels + rng.normal(0, 0.3, shape)
    return ToyCase.of(image[None], labels)


#: Small networks of every kind: what differs from `config`.
KINDS = {
    "plain_unet": {},
    "residual_unet": {},
    "unet3d": {},
    "vnet": {},
    "unet2d": {"dim": 2, "kernels": ((3, 3),) * 2, "strides": ((1, 1), (2, 2))},
    "resnet34_unet": {
        "dim": 2, "kernels": KERNELS, "strides": STRIDES, "features": (2, 4, 4, 4, 4, 4), "blocks": (1,) * 6,
        "decoder_blocks": (1,) * 5,
    },
}  # fmt: skip

CASES = {f"c{n}": case(n) for n in range(4)}


def config(**changes) -> NetConfig:
    values = {
        "kind": "plain_unet", "dim": 3, "in_channels": 1, "out_channels": 3, "features": (4, 8),
        "kernels": ((3, 3, 3),) * 2, "strides": ((1, 1, 1), (2, 2, 2)), "blocks": (1, 1), "decoder_blocks": (1,),
        "deep_supervision": False,
    }  # fmt: skip
    return NetConfig(**{**values, **changes})


def batches(recipe: Recipe = RECIPE, ids: tuple[str, ...] = ("c0", "c1", "c2"), **changes) -> Batches:
    values = {
        "cases": CASES, "ids": ids, "patch": (8, 8, 8), "batch": 2, "table": TABLE,
        "iterations": recipe.iterations, "oversample": recipe.oversample, "seed": recipe.seed,
    }  # fmt: skip
    return Batches(**{**values, **changes})


def validation(recipe: Recipe = RECIPE, **changes) -> Batches:
    return batches(recipe, **{"ids": ("c3",), "iterations": recipe.val_iterations, **changes})


def loss(**changes):
    return build_loss(**{"name": "dice_ce", "classes": 3, **changes})


def train(out: Path, recipe: Recipe = RECIPE, net=None, **changes):
    net = net or drawn(config(), recipe.seed)
    values = {
        "loss": loss(), "batches": batches(recipe), "validation": validation(recipe), "recipe": recipe, "out": out,
    }  # fmt: skip
    return fit(net, **{**values, **changes})


def rows(out: Path) -> list[dict[str, str]]:
    """The table of a training."""
    with (out / "history.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(history) -> list[dict[str, object]]:
    """What must be the same in two runs of one training: all but time and memory."""
    measured = {"seconds", "ram_gib", "vram_gib", "energy_kj"}
    return [{k: repr(v) for k, v in e.to_row().items() if k not in measured} for e in history.epochs]


@contextmanager
def program(out: Path, *, launcher: tuple[str, ...] = (sys.executable,), **settings):
    """A training in a process of its own, which prints a line a step; see the end of this file."""
    command = [*launcher, str(Path(__file__)), str(out), json.dumps(settings)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True)
    try:
        yield process
    finally:
        # A launcher has children of its own; all are in the session begun here.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def one_thread():
    """As `program` computes: sums of another number of threads differ in their last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def main(out: Path, settings: dict) -> None:
    """Train as told.

    Args:
        out: Folder of the training.
        settings: Changes to the recipe; `deep` supervision; `wait_s` before each step; `limit` of a file in bytes.
    """
    deep, wait_s, limit = settings.pop("deep", False), settings.pop("wait_s", 0), settings.pop("limit", 0)
    recipe = replace(RECIPE, **settings)

    def track(steps, what):
        del what
        for step in steps:
            print("step", flush=True)  # noqa: T201
            time.sleep(wait_s)
            yield step

    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    with world() as all_of_us, on_signals() as stop:
        net = drawn(config(deep_supervision=deep), recipe.seed)
        history = train(out, recipe, net, track=track, stop=stop, world=all_of_us)
    if all_of_us.rank == 0:
        print("end", json.dumps([history.why, [e.loss for e in history.epochs]]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
