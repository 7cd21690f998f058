"""The faster engine, by measurement: one window each, remembered for this network, window and machine.

Conversion takes time, so it has to be worth it: a network that has never been converted is measured only where
torch would need more than `WORTH_S` seconds for the windows to come, about twice what conversion takes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

from condyle.io.atomic import atomic_file
from condyle.predict.engines.config import EngineConfig, StoredNet
from condyle.predict.engines.openvino_engine import is_converted, openvino_engine
from condyle.predict.engines.torch_engine import torch_engine
from condyle.predict.net import Net

log = logging.getLogger("condyle")

#: Seconds of torch's work from which on trying another engine is worth its conversion.
WORTH_S = 40.0


def faster_engine(net: StoredNet, shape: tuple[int, ...], config: EngineConfig) -> Net:
    """The network on the engine that is faster here; arguments as `engine`.

    Raises:
        ConfigError: if the device, or OpenVINO for int8, is not there.
    """
    if config.precision == "int8":
        return openvino_engine(net, shape, replace(config, engine="openvino"))
    by_torch = replace(config, engine="torch")
    if config.device != "cpu" or find_spec("openvino") is None:
        return torch_engine(net, shape, by_torch)
    by_openvino = replace(config, engine="openvino")
    record = None if config.cache is None else config.cache / f"{_situation(net, shape, config)}.json"
    chosen = _remembered(record)
    if chosen == "openvino":
        return openvino_engine(net, shape, by_openvino)
    slow = torch_engine(net, shape, by_torch)
    if chosen == "torch":
        return slow
    seconds = {"torch": _seconds(slow, shape)}
    expected = float("inf") if config.windows is None else seconds["torch"] * config.windows / shape[0]
    if expected < WORTH_S and not is_converted(net, shape, by_openvino):
        return slow
    fast = openvino_engine(net, shape, by_openvino)
    seconds["openvino"] = _seconds(fast, shape)
    _remember(record, seconds)
    log.info("one batch of windows takes %s", ", ".join(f"{name} {s:.2f} s" for name, s in seconds.items()))
    return fast if seconds["openvino"] < seconds["torch"] else slow


def _seconds(net: Net, shape: tuple[int, ...]) -> float:
    """Time of one batch of windows. The first one, which also sets up memory, counts only if it is slow."""
    x = torch.zeros(shape)
    times: list[float] = []
    while len(times) < 2 and sum(times) < 1:
        start = time.perf_counter()
        net(x)
        times.append(time.perf_counter() - start)
    return min(times)


def _situation(net: StoredNet, shape: tuple[int, ...], config: EngineConfig) -> str:
    """SHA-256 of what the choice depends on."""
    libraries = [version("torch"), version("openvino")]
    facts = [net.key, list(shape), config.precision, config.threads or torch.get_num_threads(), _processor(), libraries]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "flags"))]
    return " ".join(names[:2]) or platform.processor() or platform.machine()


def _remembered(record: Path | None) -> str | None:
    """The engine chosen before, None if there was none or its record is no longer understood."""
    if record is None or not record.is_file():
        return None
    try:
        seconds = json.loads(record.read_text(encoding="utf-8"))
        return min(("torch", "openvino"), key=lambda name: float(seconds[name]))
    except (ValueError, KeyError, TypeError):
        return None


def _remember(record: Path | None, seconds: Mapping[str, float]) -> None:
    if record is not None:
        with atomic_file(record, overwrite=True) as part:
            part.write_text(json.dumps({name: round(s, 4) for name, s in seconds.items()}) + "\n", encoding="utf-8")
