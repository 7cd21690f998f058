"""The door to OpenVINO, an optional dependency, and to NNCF, which comes with it and calibrates.

Both report to their maker that they are used, unless their package `openvino_telemetry` is missing. A program that
is fed patients' scans reports to nobody: for it the package is missing.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from condyle.errors import ConfigError


def openvino() -> Any:
    """OpenVINO.

    Raises:
        ConfigError: if it is not installed.
    """
    return _imported("openvino")


def nncf() -> Any:
    """NNCF. Importing it takes seconds.

    Raises:
        ConfigError: if it is not installed.
    """
    return _imported("nncf")


def _imported(name: str) -> Any:
    sys.modules.setdefault("openvino_telemetry", ModuleType("openvino_telemetry"))
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        hint = "Install it with `pip install condyle[openvino]`, or use the engine torch."
        raise ConfigError("engine", expected=f"{name} to be installed", got="no such package", hint=hint) from error
