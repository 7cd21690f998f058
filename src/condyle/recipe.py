"""How a model is trained, once: what the planner may choose, and how the network learns.

A recipe is data. The named ones are published studies' and our own; any field of any of them can be changed
(`condyle train DATA --recipe lang-3d --epochs 100`). It is stored with the model it made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from condyle.config import from_json
from condyle.errors import ConfigError

Network = Literal["plain", "resenc-m", "resenc-l", "quick", "vnet", "unet3d", "resnet34", "unet2d"]
Stage = Literal["full", "low", "cascade"]
LossName = Literal[
    "ce", "dice", "dice_ce", "dice_present_ce", "bce", "focal", "dice_focal", "dice_squared", "tversky",
    "generalized_dice",
]  # fmt: skip
Optimizer = Literal["sgd", "adam", "adamw"]
Schedule = Literal["poly", "cosine", "linear", "plateau", "constant"]
Pictures = Literal["scans", "synthetic"]
AugmentName = Literal["nnunet", "da5", "limb", "abdomen", "views", "light", "none"]


@dataclass(frozen=True)
class Recipe:
    """Every knob of training.

    Args:
        network: `plain`, `resenc-m`, `resenc-l`: nnU-Net's, sized by the planner; `quick`: a small one for processors;
            `vnet`, `unet3d`, `resnet34`, `unet2d`: as published.
        stage: `full`: one network at the scans' resolution. Where a patch sees little of a scan (`condyle plan` says
            so), and with drawn pictures: `low`: one on a coarser grid; `cascade`: both, the second sees what the first
            found.
        dim: 3, or 2 for a network that sees slices.
        spacing_mm: Of the network's input along the patient's axes in the plan's order; the planner's if empty.
        patch: Size of the training patch; the planner's if empty.
        batch: Patches a step; the planner's if 0.
        features: Channels of the first stage; the network's own if 0.
        memory_gb: What a training step may take on a graphics card; the planner fits patch and batch to it.
        loss: `dice_ce` is nnU-Net's; `dice_present_ce` leaves structures out of Dice that a patch does not show.
        deep_supervision: Score coarser stages too, where the network can.
        batch_dice: Dice over the whole batch rather than a patch at a time; the planner's choice if None.
        background: By how much the background's logit leads before the first step. Most voxels are background: a
            network that has to learn even that spends its first thousand small steps on it. 0: as nnU-Net begins.
        optimizer: `sgd` is with Nesterov momentum.
        rate: Learning rate at the start.
        momentum: Of `sgd`.
        weight_decay: Of the optimizer.
        schedule: How the rate falls: `poly` (1 - t)^0.9; `cosine`; `linear` to half, as the limb study's;
            `plateau`: a tenth whenever validation has not improved for a while; `constant`.
        warmup: Share of the training in which the rate rises from 0.
        clip: Largest norm of the gradient; 0 for none.
        epochs: How many.
        iterations: Steps an epoch; 0: once through all training patches there are.
        val_iterations: Validation batches an epoch.
        minutes: Train this long instead of a number of epochs; the schedule fits itself to it. 0 for no budget.
        patience: Stop after so many epochs without improvement; 0 for never.
        pictures: `scans`: patches of the dataset's scans; `synthetic`: drawn for each step from the maps of a dataset
            that `condyle phantom synthetic` made, never the same twice; augmentation is part of that.
        augment: Set of augmentations.
        mirror: `safe`: mirror patches along all axes, left and right labels swapped; `sides`: along left-right alone,
            for nobody is scanned upside down; `nnunet`: all axes, labels as they are; `off`.
        oversample: Share of each batch that is sure to hold a structure.
        average: Also keep an exponential average of the weights and use it, with this decay; 0 for none.
        precision: `auto`: bf16 where the machine has it and it pays.
        compiled: Let torch compile the network; None where it pays.
        seed: Start of every random number.
        deterministic: Bit-equal results on one machine, slower on a graphics card.
        freeze: Parts of the network that do not learn, by the start of their names, e.g. `encoder`.
    """

    network: Network = "plain"
    stage: Stage = "full"
    dim: int = 3
    spacing_mm: tuple[float, ...] = ()
    patch: tuple[int, ...] = ()
    batch: int = 0
    features: int = 0
    memory_gb: float = 8.0
    loss: LossName = "dice_ce"
    deep_supervision: bool = True
    batch_dice: bool | None = None
    background: float = 0.0
    optimizer: Optimizer = "sgd"
    rate: float = 1e-2
    momentum: float = 0.99
    weight_decay: float = 3e-5
    schedule: Schedule = "poly"
    warmup: float = 0.0
    clip: float = 12.0
    epochs: int = 1000
    iterations: int = 250
    val_iterations: int = 50
    minutes: float = 0.0
    patience: int = 0
    pictures: Pictures = "scans"
    augment: AugmentName = "nnunet"
    mirror: Literal["safe", "sides", "nnunet", "off"] = "safe"
    oversample: float = 1 / 3
    average: float = 0.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compiled: bool | None = None
    seed: int = 0
    deterministic: bool = False
    freeze: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(self.dim in {2, 3}, "dim", "2 or 3", self.dim)
        _require(
            len(self.spacing_mm) in {0, 3} and all(s > 0 for s in self.spacing_mm),
            "spacing",
            "3 values above 0 mm",
            self.spacing_mm,
        )
        _require(
            len(self.patch) in {0, self.dim} and all(n > 0 for n in self.patch),
            "patch",
            f"{self.dim} sizes above 0",
            self.patch,
        )
        for name in ("batch", "features", "patience", "seed"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(
            min(self.epochs, self.val_iterations) >= 1,
            "epochs, val_iterations",
            "1 or more",
            (self.epochs, self.val_iterations),
        )
        _require(
            self.iterations >= 0 and self.minutes >= 0,
            "iterations, minutes",
            "0 or more",
            (self.iterations, self.minutes),
        )
        _require(
            self.pictures == "scans" or (self.dim == 3 and self.iterations > 0),
            "pictures",
            "3 dimensions and a number of iterations, if synthetic",
            f"{self.dim}, {self.iterations}",
        )
        _require(self.rate > 0 and self.memory_gb > 0, "rate, memory_gb", "above 0", (self.rate, self.memory_gb))
        _require(
            0 <= self.momentum < 1 and self.weight_decay >= 0,
            "momentum, weight_decay",
            "0 <= momentum < 1, decay of 0 or more",
            (self.momentum, self.weight_decay),
        )
        _require(
            0 <= self.oversample <= 1 and 0 <= self.warmup < 1,
            "oversample, warmup",
            "shares from 0 to 1",
            (self.oversample, self.warmup),
        )
        _require(
            0 <= self.average < 1 and min(self.clip, self.background) >= 0,
            "average, clip, background",
            "0 <= average < 1, clip and background of 0 or more",
            (self.average, self.clip, self.background),
        )

    @classmethod
    def named(cls, name: str) -> Recipe:
        """A recipe by its name; or of a JSON file, as it lies in a model's folder.

        Raises:
            ConfigError: on an unknown name, or a file that holds no recipe.
        """
        if name.endswith(".json"):
            try:
                return from_json(cls, json.loads(Path(name).read_text(encoding="utf-8")), name)
            except (OSError, ValueError) as error:
                if isinstance(error, ConfigError):
                    raise
                raise ConfigError(name, expected="a JSON file of a recipe", got=str(error)) from error
        if name not in RECIPES:
            expected = f"one of {', '.join(RECIPES)}, or a .json file"
            raise ConfigError("recipe", expected=expected, got=name)
        return RECIPES[name]


def _require(holds: bool, field: str, expected: str, got: object) -> None:
    if not holds:
        raise ConfigError(f"recipe: {field}", expected=expected, got=str(got))


#: A new recipe is a line here.
RECIPES: dict[str, Recipe] = {
    # Our own, chosen by measurement (docs/training.md). A processor's hours: a small network takes many steps.
    "default": Recipe(
        network="quick", optimizer="adamw", rate=2e-3, weight_decay=1e-2, schedule="cosine", warmup=0.05,
        epochs=100, iterations=100, val_iterations=10, mirror="sides", average=0.99,
    ),
    # A processor's minutes.
    "quick": Recipe(
        network="quick", optimizer="adamw", rate=2e-3, weight_decay=1e-2, schedule="cosine", warmup=0.05,
        augment="light", mirror="sides", epochs=10, iterations=50, val_iterations=5, average=0.98,
    ),
    # A graphics card's hours: nnU-Net's network and plan.
    "thorough": Recipe(
        optimizer="adamw", rate=1e-3, weight_decay=1e-2, schedule="cosine", warmup=0.05, mirror="sides",
        average=0.99,
    ),
    # Bones from drawn pictures: at 6 mm what is where, then at 2 mm its outline.
    "synthetic": Recipe(
        network="quick", stage="cascade", spacing_mm=(2.0, 2.0, 2.0), patch=(64, 48, 64), batch=2, features=8,
        loss="dice_present_ce", batch_dice=True, background=5.0, optimizer="adamw", rate=4e-3, weight_decay=1e-3,
        schedule="cosine", warmup=0.01, clip=3.0, epochs=100, iterations=100, val_iterations=20, average=0.995,
        pictures="synthetic", augment="none", mirror="sides", compiled=False,
    ),
    "nnunet": Recipe(mirror="nnunet"),
    # Proximal femur in CT (Lang): nnU-Net in 3D, and in 2D with a residual encoder.
    "lang-3d": Recipe(),
    "lang-2d": Recipe(network="resenc-m", dim=2, batch=377),
    # Liver, kidneys, spleen in CT: V-Net on 1 x 1 x 1.5 mm.
    "abdomen-vnet": Recipe(
        network="vnet", spacing_mm=(1.5, 1.0, 1.0), patch=(64, 128, 128), batch=2, loss="dice_squared",
        optimizer="adam", rate=1e-4, weight_decay=0.0, schedule="cosine", clip=0.0, epochs=100, iterations=0,
        augment="abdomen",
    ),
    # Knee in low-field MR: 3D U-Net on 64^3 patches, views as augmentation.
    "knee-unet3d": Recipe(
        network="unet3d", patch=(64, 64, 64), batch=10, loss="bce", optimizer="adam", rate=1e-4, weight_decay=0.0,
        schedule="constant", clip=0.0, epochs=100, iterations=0, augment="views", mirror="off", oversample=0.0,
    ),
    # Legs of children in MR, slice by slice.
    "limb-resnet34": Recipe(
        network="resnet34", dim=2, patch=(256, 256), batch=16, loss="dice_focal", optimizer="adam", rate=1e-4,
        weight_decay=0.0, schedule="linear", clip=0.0, epochs=50, iterations=0, patience=20, augment="limb",
        oversample=0.0, freeze=("encoder",),
    ),
    "limb-unet2d": Recipe(
        network="unet2d", dim=2, patch=(256, 256), batch=30, loss="dice", optimizer="adam", rate=1e-3,
        weight_decay=0.0, schedule="constant", clip=0.0, epochs=50, iterations=0, patience=20, augment="limb",
        oversample=0.0,
    ),
}  # fmt: skip
