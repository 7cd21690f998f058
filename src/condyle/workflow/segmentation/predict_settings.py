"""How a model is asked: every knob of prediction."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal

from condyle.errors import ConfigError
from condyle.predict.engines.config import EngineName, Precision
from condyle.predict.locate import MARGIN_MM


@dataclass(frozen=True)
class PredictSettings:
    """How a model is asked.

    Args:
        folds: Folds to average; all that the model has if none is named.
        step: Distance of windows, as a fraction of the patch.
        mirror: `model`: as the model was made to be asked, mostly not at all; `off`; `safe`: also ask about mirrored
            windows, where left and right are swapped back, up to eight times the work; `nnunet`: mirror as nnU-Net
            does, which takes left for right if the model does not know.
        views: Also look along the other two axes, three times the work, and join what is seen: `mean` of the
            probabilities, or `or`, which takes what any view is sure of and segments rather too much; or `off`.
        locate: `coarse`: look at the whole scan at half the resolution first, then closely only around what is found;
            or another model to look first with; or `off`.
        margin_mm: Around what is found.
        cleanup: Steps that follow: `model`, those stored with it; `off`; `knee` or `limb`; or a JSON file of steps.
        probabilities: Also write the probabilities of each structure, before cleanup: NAME_probabilities.nii.gz, 4-D.
        uncertainty: Also write how much folds and mirrorings disagree: NAME_uncertainty.nii.gz, in nats.
        confidence: `model`: where the model can, judge each structure by asking again about changed scans, and write
            a light with its reasons: NAME_confidence.json; or `off`.
        engine: What computes: `torch`; `openvino`, which is faster on processors (pip install openvino); `auto`: the
            faster one, by measurement, where the work to come is worth converting the network for.
        precision: `fp32`; `bf16`: faster, labels differ by about a percent of the outline; `int8`: faster still, with
            OpenVINO, and labels differ more.
        calibrate: Scans like those the model was trained on, from which `int8` learns its ranges: files, or a dataset.
        cache: Folder of converted networks; `~/.cache/condyle` if none is named.
        device: `cpu`, or `cuda` for a graphics card.
        batch: Windows at once.
        max_memory_gib: Keep below this, with scratch files where need be, and one case after the other.
        scratch: Folder for scratch files; the system's if none is named.
    """

    folds: tuple[str, ...] = ()
    step: float = 0.5
    mirror: Literal["model", "off", "safe", "nnunet"] = "model"
    views: Literal["off", "mean", "or"] = "off"
    locate: Literal["off", "coarse"] | Path = "off"
    margin_mm: float = MARGIN_MM
    cleanup: str = "model"
    probabilities: bool = False
    uncertainty: bool = False
    confidence: Literal["model", "off"] = "model"
    engine: EngineName = "auto"
    precision: Precision = "fp32"
    calibrate: tuple[Path, ...] = ()
    cache: Path | None = None
    device: str = "cpu"
    batch: int = 1
    max_memory_gib: float | None = None
    scratch: Path | None = None

    def __post_init__(self) -> None:
        if self.max_memory_gib is not None and not 0 < self.max_memory_gib < inf:
            raise ConfigError("max memory", expected="more than 0 GiB", got=f"{self.max_memory_gib:g}")
        if self.batch < 1:
            raise ConfigError("batch", expected="1 window or more", got=str(self.batch))
        if not 0 < self.step <= 1:
            raise ConfigError("step", expected="above 0, at most 1", got=f"{self.step:g}")
        if not 0 <= self.margin_mm < inf:
            raise ConfigError("margin", expected="0 mm or more", got=f"{self.margin_mm:g}")
        if self.precision == "int8" and not self.calibrate:
            hint = "Give a few with --calibrate."
            raise ConfigError("precision: int8", expected="scans to calibrate with", got="none", hint=hint)
        if self.uncertainty and self.views != "off":
            hint = "Ask for one of them."
            raise ConfigError("uncertainty", expected="views off", got=f"views {self.views}", hint=hint)
        if self.scratch is not None and not self.scratch.is_dir():
            raise ConfigError("scratch", expected="a folder", got=str(self.scratch))
