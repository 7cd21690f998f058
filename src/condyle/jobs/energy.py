"""Energy that a machine used, where it counts it: RAPL counters of processors, NVIDIA's of graphics cards.

They count whole packages and cards: what else the machine did meanwhile is in the number.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

#: Where Linux shows the counters.
POWERCAP = Path("/sys/class/powercap")

#: A counter of a processor starts over after 262 kJ as a rule: within minutes, where much is used.
_LOOK_S = 20.0


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


class EnergyMeter:
    """Adds up what a machine uses, in a `with` block, however often its counters start over meanwhile.

    A thread looks at them again and again; there is none where nothing is told.

    Args:
        look: Gives the counters.
        every_s: Time between two looks.
    """

    def __init__(self, look: Callable[[], dict[str, tuple[int, int]]] = counted, every_s: float = _LOOK_S) -> None:
        self._look, self._every_s = look, every_s
        self._last = look()
        self._used_kj: float | None = 0.0
        self._one = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        if self._last:
            threading.Thread(target=self._watch, name="energy", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def used_kj(self) -> float | None:
        """The energy since the meter was made; None where it is not told, or was not all the time."""
        with self._one:
            now = self._look()
            more = used_kj(self._last, now)
            self._used_kj = None if more is None or self._used_kj is None else self._used_kj + more
            self._last = now
            return self._used_kj

    def _watch(self) -> None:
        while not self._over.wait(self._every_s):
            self.used_kj()
