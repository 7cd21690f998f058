"""How a network is run, and a network whose weights are read only when they are needed.

* **engine**: what computes. `torch` everywhere; `openvino`, an optional dependency, is faster on processors.
* **key**: what tells one network's weights from another's; converted networks are kept under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

EngineName = Literal["auto", "torch", "openvino"]
Precision = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True)
class EngineConfig:
    """How a network is run.

    Args:
        engine: `torch` or `openvino`; `auto` measures both on one window and takes the faster one.
        precision: `fp32`; `bf16`: faster on processors that have it and on graphics cards, scores then have three
            digits; `int8`: faster still, with OpenVINO, after calibration. Measure what the last two do to labels.
        device: `cpu`, `cuda`, `cuda:1` ...; OpenVINO runs on `cpu`.
        threads: Of the processor; all of them if None.
        compiled: Let torch compile the network, channels last: half a minute once, then faster.
        cache: Folder of converted networks and remembered choices; both are made anew each time if None.
        windows: How many windows will follow, about; many if None. `auto` converts nothing for a few.
        calibration: Windows (C, *patch) of prepared scans from which `int8` learns its ranges; ten do, of the kind
            of scan that will come.

    Raises:
        ConfigError: on a combination that cannot be.
    """

    engine: EngineName = "torch"
    precision: Precision = "fp32"
    device: str = "cpu"
    threads: int | None = None
    compiled: bool = False
    cache: Path | None = None
    windows: int | None = None
    calibration: tuple[NDArray[np.float32], ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.engine == "openvino" and (self.device != "cpu" or self.compiled):
            got = f"device {self.device}" + (", compiled" if self.compiled else "")
            raise ConfigError("engine", expected="device cpu and not compiled with openvino", got=got)
        if self.engine == "auto" and self.compiled:
            raise ConfigError("engine", expected="torch, to compile with", got="auto")
        if self.precision == "int8":
            self._check_int8()

    def _check_int8(self) -> None:
        if self.engine == "torch" or self.device != "cpu":
            hint = "Use the engine openvino."
            raise ConfigError("precision", expected="fp32 or bf16 with torch", got="int8", hint=hint)
        if not self.calibration:
            hint = "Give windows of prepared scans of the kind the model was trained on."
            raise ConfigError("precision: int8", expected="calibration windows", got="none", hint=hint)


@dataclass(frozen=True)
class StoredNet:
    """A network that may stay where it is stored: what has been converted before needs no weights.

    Args:
        key: Changes with weights and layers, e.g. the SHA-256 of a weight file and of the network's settings.
        load: Gives the network with its weights.
    """

    key: str
    load: Callable[[], nn.Module]

    @classmethod
    def of(cls, net: nn.Module) -> StoredNet:
        """A network that is in memory, its key the SHA-256 of layers and weights."""
        digest = hashlib.sha256(str(net).encode())
        for name, tensor in sorted(net.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return cls(digest.hexdigest(), lambda: net)
