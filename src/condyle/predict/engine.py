"""What runs a network's arithmetic, by name: PyTorch, or OpenVINO, which is faster on processors.

Settings are a frozen dataclass, and each engine makes a plain `Net`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from condyle.predict.engines.choice import faster_engine
from condyle.predict.engines.config import EngineConfig, EngineName, Precision, StoredNet
from condyle.predict.engines.openvino_engine import openvino_engine
from condyle.predict.engines.torch_engine import torch_engine
from condyle.predict.net import Net

__all__ = ["EngineConfig", "EngineName", "Precision", "StoredNet", "engine"]

#: A new engine is a file and a line here.
ENGINES: dict[EngineName, Callable[[StoredNet, tuple[int, ...], EngineConfig], Net]] = {
    "auto": faster_engine,
    "torch": torch_engine,
    "openvino": openvino_engine,
}


def engine(net: nn.Module | StoredNet, config: EngineConfig, shape: tuple[int, ...]) -> Net:
    """The network ready to run.

    Args:
        net: With its weights, or where they are.
        config: How to run it.
        shape: Of the windows it will see: (B, C, *patch).

    Raises:
        ConfigError: if the engine or device is not there.
    """
    return ENGINES[config.engine](StoredNet.of(net) if isinstance(net, nn.Module) else net, shape, config)
