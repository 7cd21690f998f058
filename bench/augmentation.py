"""Augmentation beside nnU-Net's: one sample through the default set, from the region that is cut out to the patch.

Both sides draw their own random numbers, with the same probabilities and limits, and see the same region; five labels
and one channel. What they differ in is what each needs of the scan: nnU-Net always cuts the large region, Condyle cuts
what a sample shows. The last column tells the mean size of that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], str]

#: Samples a run: enough that a third of them being warped does not depend on chance.
SAMPLES = 30


def _sample(size: tuple[int, ...]) -> tuple[Any, Any]:
    """An image of noise round five nested bodies, and their labels."""
    import torch

    distance = sum(
        (torch.arange(n).reshape([-1 if a == axis else 1 for a in range(len(size))]) - n / 2) ** 2
        for axis, n in enumerate(size)
    )
    edges = torch.tensor([0.08, 0.16, 0.24, 0.32, 0.4]) * min(size)
    labels = (5 - torch.bucketize(distance.float().sqrt(), edges)).to(torch.int16)
    image = labels.float() + torch.randn(size, generator=torch.Generator().manual_seed(0))
    return image[None], labels


def _scan(patch: tuple[int, ...]) -> tuple[int, ...]:
    """Large enough for the strongest rotation and scaling."""
    return tuple(5 * n // 2 for n in patch)


def _condyle(patch: tuple[int, ...], threads: int, name: str = "nnunet") -> Work:
    import torch

    from condyle.augment import Mirroring, build, sample_generator

    torch.set_num_threads(threads)
    augmentation = build(name, patch, Mirroring.unsafe(len(patch)))  # type: ignore[arg-type]
    size = _scan(patch)
    image, labels = _sample(size)

    def work() -> str:
        seen = []
        for n in range(SAMPLES):
            drawn = augmentation.draw(sample_generator(0, 0, n))
            seen.append(np.prod(drawn.region) / np.prod(patch))
            box = tuple(slice((s - r) // 2, (s - r) // 2 + r) for s, r in zip(size, drawn.region, strict=True))
            drawn(image[(slice(None), *box)], labels[box])
        return f"{SAMPLES} samples, regions of {np.mean(seen):.1f} patches"

    return work


def _nnunet(patch: tuple[int, ...], threads: int, trainer: str = "nnUNetTrainer") -> Work:
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.training.nnUNetTrainer.variants.data_augmentation.nnUNetTrainerDA5 import nnUNetTrainerDA5

    from condyle.augment import build

    torch.set_num_threads(threads)
    largest = np.pi / 6 if len(patch) == 3 else np.pi
    kind = {"nnUNetTrainer": nnUNetTrainer, "nnUNetTrainerDA5": nnUNetTrainerDA5}[trainer]
    transforms = kind.get_training_transforms(patch, (-largest, largest), None, tuple(range(len(patch))), False)
    source = build("nnunet" if trainer == "nnUNetTrainer" else "da5", patch).source_size
    image, labels = _sample(_scan(patch))
    box = tuple(slice((n - s) // 2, (n - s) // 2 + s) for n, s in zip(labels.shape, source, strict=True))

    def work() -> str:
        for n in range(SAMPLES):
            np.random.seed(n)  # noqa: NPY002 - it draws from the global generators
            torch.manual_seed(n)
            # Both change what they are given.
            transforms(image=image[(slice(None), *box)].clone(), segmentation=labels[(None, *box)].clone())
        return f"{SAMPLES} samples, regions of {np.prod(source) / np.prod(patch):.1f} patches"

    return work


def _stages() -> dict[str, dict[str, Callable[[], Work]]]:
    stages = {}
    for patch in [(128, 128, 128), (96, 96, 96), (512, 512)]:
        for threads in (1, 2):
            name = f"default augmentation of {SAMPLES} patches {patch}, {threads} thread{'s' * (threads > 1)}"
            stages[name] = {
                "Condyle": lambda p=patch, t=threads: _condyle(p, t),
                "nnU-Net 2.8.1, batchgeneratorsv2 0.3.6": lambda p=patch, t=threads: _nnunet(p, t),
            }
    stages[f"DA5 augmentation of {SAMPLES} patches (64, 64, 64), 1 thread"] = {
        "Condyle": lambda: _condyle((64, 64, 64), 1, "da5"),
        "nnU-Net 2.8.1, batchgeneratorsv2 0.3.6": lambda: _nnunet((64, 64, 64), 1, "nnUNetTrainerDA5"),
    }
    return stages


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = _stages()
