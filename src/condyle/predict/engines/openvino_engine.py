"""OpenVINO on the processor. A network is converted once and kept; keeping it makes reading its weights needless."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from condyle.predict.engines.calibrate import calibrate
from condyle.predict.engines.config import EngineConfig, StoredNet
from condyle.predict.engines.convert import converted, with_exact_norms
from condyle.predict.engines.openvino_import import openvino
from condyle.predict.engines.store import kept
from condyle.predict.net import Net

#: Goes into the keys of kept networks; higher whenever conversion gives another network.
_FORMAT = 2


def openvino_engine(net: StoredNet, shape: tuple[int, ...], config: EngineConfig) -> Net:
    """The network as OpenVINO runs it; arguments as `engine`.

    Raises:
        ConfigError: if OpenVINO is not installed.
    """
    core = openvino().Core()
    compiled = core.compile_model(_model(net, shape, config), "CPU", _properties(core, config))

    def answer(x: Tensor) -> Tensor:
        missing = shape[0] - len(x)
        # The last batch of a scan may be smaller than the converted network's.
        padded = torch.cat([x, x.new_zeros((missing, *x.shape[1:]))]) if missing else x
        return torch.from_numpy(compiled([padded.numpy()])[0][: len(x)])

    return answer


def is_converted(net: StoredNet, shape: tuple[int, ...], config: EngineConfig) -> bool:
    """Whether the network waits in the cache."""
    return config.cache is not None and (config.cache / _name(net, shape, config)).is_dir()


def _model(net: StoredNet, shape: tuple[int, ...], config: EngineConfig) -> Any:
    def make() -> Any:
        model = converted(net.load(), shape)
        return calibrate(model, config.calibration) if config.precision == "int8" else model

    model = kept(None if config.cache is None else config.cache / _name(net, shape, config), make)
    return with_exact_norms(model) if config.precision == "fp32" else model


def _name(net: StoredNet, shape: tuple[int, ...], config: EngineConfig) -> str:
    """The folder of the converted network: SHA-256 of all that it depends on. fp32 and bf16 share one."""
    digest = hashlib.sha256(json.dumps([_FORMAT, net.key, list(shape)]).encode())
    if config.precision == "int8":
        for window in config.calibration:
            digest.update(np.ascontiguousarray(window, np.float32).tobytes())
    return digest.hexdigest()


def _properties(core: Any, config: EngineConfig) -> dict[str, Any]:
    """What OpenVINO is told: the time of one window counts, and how many digits."""
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    # With int8, bf16 is what the layers between the convolutions have.
    precision = "f32" if config.precision == "fp32" or not has_bf16 else "bf16"
    properties: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
    if config.threads is not None:
        properties["INFERENCE_NUM_THREADS"] = config.threads
    return properties
