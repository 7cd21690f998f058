"""PyTorch, on any of its devices."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor

from condyle.errors import ConfigError
from condyle.predict.engines.config import EngineConfig, StoredNet
from condyle.predict.net import Net


def torch_engine(net: StoredNet, shape: tuple[int, ...], config: EngineConfig) -> Net:
    """The network as PyTorch runs it; arguments as `engine`.

    Raises:
        ConfigError: if the device is not there.
    """
    device = torch.device(config.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("engine: device", expected="a CUDA device", got="none here", hint="Use device cpu.")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    module = net.load().eval().to(device)
    last = torch.channels_last_3d if len(shape) == 5 else torch.channels_last
    run: Callable[[Tensor], Tensor] = module
    if config.compiled:
        # Modules take a memory format in place; the stubs know only tensors do.
        module.to(memory_format=last)  # type: ignore[call-overload]
        run = torch.compile(module)
    half = config.precision == "bf16"

    def answer(x: Tensor) -> Tensor:
        x = x.to(device, memory_format=last) if config.compiled else x.to(device)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16) if half else nullcontext():
            return run(x)

    return answer
