"""How a network's numbers are computed on a device: precision, compilation, determinism.

Measured for nnU-Net's network of 30.8 million weights on two cores with bf16 instructions: autocast to bf16 halves the
time of a step, and compiled with channels last it is 2.6 times as fast; channels last alone gains nothing.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from condyle.errors import ConfigError
from condyle.recipe import Recipe

#: Compiling takes half a minute to a minute for training and validation each, and saves a quarter of the time.
COMPILE_PAYS_S = 600.0

Outputs = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class Arithmetic:
    """How to compute.

    Args:
        device: Where.
        bf16: Convolutions in bf16; weights and loss stay in fp32.
        compiled: The network is compiled, channels last.
    """

    device: torch.device
    bf16: bool
    compiled: bool

    def ready(self, net: nn.Module) -> Callable[[Tensor], Outputs]:
        """The network as a function of a batch on any device. Its weights are moved to this one's device in place."""
        net.to(self.device)
        run: Callable[[Tensor], Outputs] = net
        last = torch.contiguous_format
        if self.compiled:
            last = torch.channels_last_3d if _is_3d(net) else torch.channels_last
            # Modules take a memory format in place; the stubs know only tensors do.
            net.to(memory_format=last)  # type: ignore[call-overload]
            run = torch.compile(net)

        def forward(x: Tensor) -> Outputs:
            x = x.to(self.device, memory_format=last, non_blocking=True)
            with torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext():
                return run(x)

        return forward


def place(device: str) -> torch.device:
    """The device of a name.

    Raises:
        ConfigError: if it is not there.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("device", expected="a CUDA device", got="none here", hint="Use device cpu.")
    return torch.device(device)


def chosen(recipe: Recipe, device: torch.device, expected_s: Callable[[Arithmetic], float]) -> Arithmetic:
    """What the recipe says, and where it leaves it open what the machine does best.

    Args:
        recipe: Its `precision`, `compiled` and `deterministic`. Deterministic training is compiled only if told to:
            a measured time decides otherwise.
        device: Where.
        expected_s: How long the whole training will take with an arithmetic; asked only where it matters.

    Raises:
        ConfigError: if there is nothing to compile with.
    """
    bf16 = recipe.precision == "bf16" or (recipe.precision == "auto" and has_bf16(device))
    eager = Arithmetic(device, bf16, compiled=False)
    if recipe.compiled and not can_compile(device):
        hint = "Install one, or set compiled to false."
        raise ConfigError("recipe: compiled", expected="a compiler (g++, or Triton with CUDA)", got="none", hint=hint)
    if recipe.compiled is None:
        pays = not recipe.deterministic and can_compile(device) and expected_s(eager) > COMPILE_PAYS_S
        return replace(eager, compiled=pays)
    return replace(eager, compiled=recipe.compiled)


def has_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16; without them it would be slow."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def can_compile(device: torch.device) -> bool:
    """Whether the compiler is there that torch needs for this device."""
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return any(shutil.which(name) for name in ("g++", "clang++"))


@contextmanager
def determined(deterministic: bool) -> Iterator[None]:
    """Only algorithms that give the same bits again, while the block lasts; else the fastest for fixed sizes."""
    cudnn: Any = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), cudnn.benchmark
    # Setting it makes torch load its compiler, which takes seconds: only where it changes anything.
    changes = deterministic and not before[0]
    if changes:
        torch.use_deterministic_algorithms(True, warn_only=True)
    cudnn.benchmark = not deterministic
    try:
        yield
    finally:
        if changes:
            torch.use_deterministic_algorithms(False)
        cudnn.benchmark = before[1]


def _is_3d(net: nn.Module) -> bool:
    return any(isinstance(m, nn.Conv3d) for m in net.modules())
