"""Energy that a machine used, where it counts it: RAPL counters of processors, NVIDIA's of graphics cards.

They count whole packages and cards: what else the machine did meanwhile is in the number.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

#: Where Linux shows the counters.
POWERCAP = Path("/sys/class/powercap")


def counters(root: Path = POWERCAP) -> dict[str, tuple[int, int]]:
    """Package to its count and to where it starts over, in microjoules; empty where nobody may read them."""
    found = {}
    for package in sorted(root.glob("*-rapl:?")):
        try:
            count = int((package / "energy_uj").read_text())
            found[package.name] = (count, int((package / "max_energy_range_uj").read_text()))
        except (OSError, ValueError):
            return {}
    return found


def card_counters(library: str = "libnvidia-ml.so.1") -> dict[str, tuple[int, int]]:
    """The same of NVIDIA's cards, by the library that comes with their driver; empty without one, or on old cards."""
    try:
        nvml = ctypes.CDLL(library)
    except OSError:
        return {}
    if nvml.nvmlInit_v2() != 0:
        return {}
    found = {}
    count, handle, millijoules = ctypes.c_uint(), ctypes.c_void_p(), ctypes.c_ulonglong()
    try:
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return {}
        for n in range(count.value):
            if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(n), ctypes.byref(handle)) != 0:
                return {}
            if nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)) == 0:
                found[f"nvidia:{n}"] = (millijoules.value * 1000, 1 << 64)
    finally:
        nvml.nvmlShutdown()
    return found


def counted() -> dict[str, tuple[int, int]]:
    """All counters of this machine."""
    return {**counters(), **card_counters()}


def used_kj(before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]) -> float | None:
    """The energy between two looks; None where nothing was told. A counter that started over once is counted on."""
    if not before or set(before) != set(after):
        return None
    total = 0
    for name, (start, span) in before.items():
        end = after[name][0]
        total += end - start if end >= start else end + span - start
    return total / 1e9
