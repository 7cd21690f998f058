"""Training beside nnU-Net: one step, the losses of 200 steps, and whether the network ever waits for patches.

The network of the first stage is nnU-Net's plain 3D U-Net of 30.8 million weights, its patch a quarter of the one it
plans; that of the second is a small one of the same family. Both sides have the same initial weights and batches.
nnU-Net's Dice counts down to -1: its losses are ours less 1.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Work = Callable[[], str]

QUARTER = (64, 96, 96)
SMALL = (16, 16, 16)
EPOCHS, STEPS = 4, 50


def _config(*, small: bool) -> Any:
    from condyle.config import NetConfig

    stages = 3 if small else 6
    features = (4, 8, 16) if small else (32, 64, 128, 256, 320, 320)
    strides = ((1, 1, 1), *((2, 2, 2),) * (2 if small else 4), *(() if small else ((2, 1, 2),)))
    return NetConfig(
        kind="plain_unet",
        dim=3,
        in_channels=1,
        out_channels=3,
        features=features,
        kernels=((3, 3, 3),) * stages,
        strides=strides,
        blocks=(2,) * stages,
        decoder_blocks=(2,) * (stages - 1),
        deep_supervision=True,
    )


def _batches(patch: tuple[int, int, int], *, workers: int = 2, augmented: bool = False) -> Any:
    """Patches of four smooth scans on disk, with two structures where they are bright."""
    from scipy.ndimage import gaussian_filter

    from condyle.augment import build
    from condyle.data.prepared.arrays import write_array
    from condyle.labels import Labels
    from condyle.losses.targets import class_table
    from condyle.training import Batches

    folder = Path(tempfile.mkdtemp())
    cases = {}
    for seed in range(4):
        shape = [2 * n for n in patch]
        noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)
        image = (noise / noise.std()).astype(np.float32)
        labels = (image > 0.8).astype(np.int16) + (image > 1.6)
        positions = {id_: np.argwhere(labels == id_) for id_ in (1, 2)}
        cases[f"case{seed}"] = SimpleNamespace(
            image=write_array(folder / f"{seed}-image.npy", image[None]),
            labels=write_array(folder / f"{seed}-labels.npy", labels),
            positions=positions,
            voxels={id_: len(where) for id_, where in positions.items()},
        )
    return Batches(
        cases,
        tuple(cases),
        patch,
        2,
        class_table(Labels.of({"femur": 1, "tibia": 2})),
        iterations=STEPS,
        augment=build("nnunet", patch) if augmented else None,
        workers=workers,
    )


def _learner(*, small: bool, precision: str = "fp32", compiled: bool = False, device: str = "cpu") -> Any:
    """nnU-Net's recipe: its loss, optimizer and clipping."""
    from condyle.losses.build import build
    from condyle.recipe import Recipe
    from condyle.training import World, drawn
    from condyle.training.arithmetic import Arithmetic, place
    from condyle.training.learner import Learner

    arithmetic = Arithmetic(place(device), precision == "bf16", compiled)
    return Learner(drawn(_config(small=small), 0), build("dice_ce", classes=3), Recipe(), arithmetic, World())


class NnunetTrainer:
    """nnU-Net's own loss, network, optimizer, clipping and schedule, put together as its trainer does."""

    def __init__(self, *, small: bool, device: str = "cpu") -> None:
        import torch
        from dynamic_network_architectures.architectures.unet import PlainConvUNet
        from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
        from nnunetv2.training.loss.deep_supervision import DeepSupervisionWrapper
        from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
        from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler

        from condyle.nets.nnunet_names import to_nnunet
        from condyle.training import drawn

        config = _config(small=small)
        self.net = PlainConvUNet(
            1,
            len(config.features),
            config.features,
            torch.nn.Conv3d,
            config.kernels,
            config.strides,
            config.blocks,
            3,
            config.decoder_blocks,
            conv_bias=True,
            norm_op=torch.nn.InstanceNorm3d,
            norm_op_kwargs={"eps": 1e-5, "affine": True},
            nonlin=torch.nn.LeakyReLU,
            nonlin_kwargs={"inplace": True},
            deep_supervision=True,
        )
        self.net.load_state_dict(to_nnunet(drawn(config, 0).state_dict(), config))
        self.net.to(device)
        self.device = device
        dice = {"batch_dice": True, "smooth": 1e-5, "do_bg": False, "ddp": False}
        loss = DC_and_CE_loss(dice, {}, weight_ce=1, weight_dice=1, dice_class=MemoryEfficientSoftDiceLoss)
        weights = np.array([1 / 2**n for n in range(len(config.decoder_blocks))])
        weights[-1] = 0
        self.loss = DeepSupervisionWrapper(loss, weights / weights.sum())
        self.optimizer = torch.optim.SGD(self.net.parameters(), 1e-2, weight_decay=3e-5, momentum=0.99, nesterov=True)
        self.schedule = PolyLRScheduler(self.optimizer, 1e-2, EPOCHS)

    def step(self, batch: Any) -> float:
        """One step, as `nnUNetTrainer.train_step` takes it: in mixed precision on a graphics card alone."""
        import torch
        from torch.nn.functional import interpolate

        target = batch.target[:, None].float().to(self.device)
        self.optimizer.zero_grad(set_to_none=True)
        on_card = self.device != "cpu"
        with torch.autocast("cuda") if on_card else nullcontext():
            outputs = self.net(batch.image.to(self.device))
            targets = [interpolate(target, out.shape[2:], mode="nearest-exact") for out in outputs]
            loss = self.loss(outputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 12)
        self.optimizer.step()
        return loss.item() + 1


def _step(precision: str, *, compiled: bool = False, device: str = "cpu") -> Work:
    learner = _learner(small=False, precision=precision, compiled=compiled, device=device)
    batch = next(_batches(QUARTER).over([0]))
    losses: list[float | None] = []

    def work() -> str:
        losses.append(learner.step(batch, 1e-2, len(losses)))
        return _told(losses)

    return work


def _nnunet_step(device: str = "cpu") -> Work:
    trainer = NnunetTrainer(small=False, device=device)
    batch = next(_batches(QUARTER).over([0]))
    losses: list[float | None] = []

    def work() -> str:
        losses.append(trainer.step(batch))
        return _told(losses)

    return work


def _told(losses: list[float | None]) -> str:
    return "losses " + " ".join("not finite" if loss is None else f"{loss:.4f}" for loss in losses)


def _rates() -> list[float]:
    """nnU-Net's: one an epoch."""
    return [1e-2 * (1 - epoch / EPOCHS) ** 0.9 for epoch in range(EPOCHS) for _ in range(STEPS)]


def _our_losses() -> list[float]:
    learner = _learner(small=True)
    with closing(_batches(SMALL).over(range(EPOCHS))) as stream:
        return [learner.step(batch, rate, 0) for batch, rate in zip(stream, _rates(), strict=True)]


def _nnunet_losses(moved: float = 0.0) -> list[float]:
    """Of 200 steps, from initial weights that were multiplied by 1 + `moved`."""
    import torch

    trainer, losses = NnunetTrainer(small=True), []
    with torch.no_grad():
        for parameter in trainer.net.parameters():
            parameter.mul_(1 + moved)
    with closing(_batches(SMALL).over(range(EPOCHS))) as stream:
        for number, batch in enumerate(stream):
            if number % STEPS == 0:
                trainer.schedule.step(number // STEPS)
            losses.append(trainer.step(batch))
    return losses


def _parity() -> Work:
    expected = np.array(_nnunet_losses())
    # Rounding alone drives two runs apart: nnU-Net beside itself, its weights moved by their last bit.
    noise = np.abs(np.array(_nnunet_losses(moved=2**-23)) - expected)

    def work() -> str:
        losses = np.array(_our_losses())
        apart = np.abs(losses - expected)
        told = f"{losses[0]:.4f} to {losses[-1]:.4f}; apart from nnU-Net's at most {apart.max():.1g}"
        beside = f"nnU-Net beside itself {noise.max():.1g} and {noise[:50].max():.1g}"
        return f"{told}, {apart[:50].max():.1g} in the first 50 steps; {beside}"

    return work


def _loading(workers: int) -> Work:
    """Ten steps of a small network on augmented patches, and the share of the time it waits for them."""
    batches, learner = _batches(QUARTER, workers=workers, augmented=True), _learner(small=True)

    def work() -> str:
        waited, used = 0.0, time.process_time()
        start = time.perf_counter()
        with closing(batches.over([1])) as stream:
            for number in range(10):
                asked = time.perf_counter()
                batch = next(stream)
                waited += time.perf_counter() - asked
                learner.step(batch, 1e-2, number)
        whole = time.perf_counter() - start
        cores = (time.process_time() - used) / whole
        return f"waits {waited / whole:.0%} of the time, {cores:.1f} cores at work"

    return work


def _not_loading() -> Work:
    batch, learner = next(_batches(QUARTER).over([1])), _learner(small=True)

    def work() -> str:
        for number in range(10):
            learner.step(batch, 1e-2, number)
        return "the same batch each time"

    return work


def _on_cuda() -> dict[str, Callable[[], Work]]:
    """Rows that only a machine with a graphics card has."""
    import importlib.util

    if importlib.util.find_spec("torch") is None:
        return {}
    import torch

    if not torch.cuda.is_available():
        return {}
    return {
        "Condyle, CUDA bf16 compiled": lambda: _step("bf16", compiled=True, device="cuda"),
        "Condyle, CUDA bf16": lambda: _step("bf16", device="cuda"),
        "nnU-Net 2.8.1, CUDA": lambda: _nnunet_step("cuda"),
    }


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "training step (64, 96, 96) x 2, 30.8 M weights": {
        "Condyle, bf16 compiled": lambda: _step("bf16", compiled=True),
        "Condyle, bf16": lambda: _step("bf16"),
        "Condyle, fp32": lambda: _step("fp32"),
        "nnU-Net 2.8.1": _nnunet_step,
    },
    "200 training steps (16, 16, 16) x 2": {
        "Condyle": _parity,
        "nnU-Net 2.8.1": lambda: lambda: f"{(losses := _nnunet_losses())[0]:.4f} to {losses[-1]:.4f}",
    },
    "10 steps (64, 96, 96) x 2 on augmented patches, small network": {
        "Condyle, 2 threads": lambda: _loading(2),
        "Condyle, 1 thread": lambda: _loading(1),
        "Condyle, 4 threads": lambda: _loading(4),
        "no loading": _not_loading,
    },
}
