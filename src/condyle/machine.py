"""What the machine offers."""

from __future__ import annotations

import os


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    # macOS and Windows do not tell which.
    return os.cpu_count() or 1


def free_memory_gib() -> float:
    """Memory that can be had without swapping."""
    import psutil

    return float(psutil.virtual_memory().available) / 2**30
