"""What runs a network's arithmetic: PyTorch, or OpenVINO, which is faster on processors.

Engines are chosen by name, settings are a frozen dataclass, and each makes a plain `Net`. OpenVINO is an optional
dependency; what it converts is kept in a folder under the SHA-256 of weights and patch, and converted once.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from condyle.errors import ConfigError
from condyle.predict.net import Net

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class EngineConfig:
    """How a network is run.

    Args:
        engine: `torch` or `openvino`.
        precision: `fp32`, or `bf16`: faster on processors that have it and on graphics cards; scores then have
            three digits.
        device: `cpu`, `cuda`, `cuda:1` ...; OpenVINO runs on `cpu`.
        threads: Of the processor; all of them if None.
        compiled: Let torch compile the network, channels last: half a minute once, then faster.
        cache: Folder of converted networks; converted anew each time if None.
    """

    engine: Literal["torch", "openvino"] = "torch"
    precision: Precision = "fp32"
    device: str = "cpu"
    threads: int | None = None
    compiled: bool = False
    cache: Path | None = None

    def __post_init__(self) -> None:
        if self.engine == "openvino" and (self.device != "cpu" or self.compiled):
            raise ConfigError("engine", expected="device cpu and not compiled with openvino", got=str(self))


def engine(net: nn.Module, config: EngineConfig, shape: tuple[int, ...]) -> Net:
    """The network ready to run.

    Args:
        net: With its weights.
        config: How to run it.
        shape: Of the windows it will see: (B, C, *patch).

    Raises:
        ConfigError: if the engine or device is not there.
    """
    return ENGINES[config.engine](net.eval(), shape, config)


def torch_engine(net: nn.Module, shape: tuple[int, ...], config: EngineConfig) -> Net:
    """PyTorch, on any of its devices."""
    device = torch.device(config.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("engine: device", expected="a CUDA device", got="none here", hint="Use device cpu.")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    net = net.to(device)
    last = torch.channels_last_3d if len(shape) == 5 else torch.channels_last
    run: Callable[[Tensor], Tensor] = net
    if config.compiled:
        # Modules take a memory format in place; the stubs know only tensors do.
        net.to(memory_format=last)  # type: ignore[call-overload]
        run = torch.compile(net)
    half = config.precision == "bf16"

    def answer(x: Tensor) -> Tensor:
        x = x.to(device, memory_format=last) if config.compiled else x.to(device)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16) if half else nullcontext():
            return run(x)

    return answer


def openvino_engine(net: nn.Module, shape: tuple[int, ...], config: EngineConfig) -> Net:
    """OpenVINO on the processor, from its cache where it has been converted before."""
    try:
        import openvino as ov
    except ImportError as error:
        hint = "Install it with `pip install openvino`, or use the engine torch."
        raise ConfigError("engine", expected="openvino to be installed", got="no such package", hint=hint) from error
    core = ov.Core()
    model = _converted(net, shape, config.cache, core)
    properties: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[config.precision],
    }
    if config.threads is not None:
        properties["INFERENCE_NUM_THREADS"] = config.threads
    compiled = core.compile_model(model, "CPU", properties)

    def answer(x: Tensor) -> Tensor:
        if x.shape[0] == shape[0]:
            return torch.from_numpy(compiled([x.numpy()])[0].copy())
        # The last batch of a scan may be smaller than the converted network's.
        padded = torch.cat([x, x.new_zeros((shape[0] - x.shape[0], *x.shape[1:]))])
        return torch.from_numpy(compiled([padded.numpy()])[0][: x.shape[0]].copy())

    return answer


#: A new engine is a function and a line here.
ENGINES: dict[str, Callable[[nn.Module, tuple[int, ...], EngineConfig], Net]] = {
    "torch": torch_engine,
    "openvino": openvino_engine,
}


def _converted(net: nn.Module, shape: tuple[int, ...], cache: Path | None, core: Any) -> Any:
    """The network as an OpenVINO model of a fixed input shape."""
    import openvino as ov

    path = None if cache is None else cache / f"{fingerprint(net, shape)}.xml"
    if path is not None and path.is_file():
        return core.read_model(path)
    with torch.no_grad(), warnings.catch_warnings():
        # What torch and OpenVINO deprecate in each other is none of the user's business.
        warnings.simplefilter("ignore")
        model = ov.convert_model(torch.export.export(net, (torch.zeros(shape),)))
    if path is not None:
        _saved(model, path)
    return model


def _saved(model: Any, path: Path) -> None:
    """Save both files of a converted model; the `.xml`, which is looked for, appears last and whole."""
    import openvino as ov

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.part.xml")
    ov.save_model(model, part, compress_to_fp16=False)
    part.with_suffix(".bin").replace(path.with_suffix(".bin"))
    part.replace(path)


def fingerprint(net: nn.Module, shape: tuple[int, ...]) -> str:
    """SHA-256 of a network's weights, its layers' settings, and its input's shape."""
    digest = hashlib.sha256(json.dumps([str(net), list(shape)]).encode())
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
