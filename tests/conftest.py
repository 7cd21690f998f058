"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsers import chromium

# Tests run side by side, one on each core: threads within them only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# What a shell starts in the background ignores Ctrl-C, and so does all that it starts in turn. Tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans, which is not part of the project. Skips where it is absent."""
    folder = _SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"real scans are not at hand ({folder})")
    return folder


@pytest.fixture(scope="session")
def shared_nnunet() -> Path:
    """The folder of nnU-Net datasets and models, which is not part of the project. Skips where it is absent."""
    folder = _SHARED / "nnunet_reference"
    if not folder.is_dir():
        pytest.skip(f"nnU-Net's own files are not at hand ({folder})")
    return folder


@pytest.fixture(scope="session")
def bones() -> Path:
    """The model that comes with the package. Skips where the package was made without it."""
    from condyle.models.shipped import DEFAULT, FOLDER, shipped

    found = {folder.name: folder for folder in shipped()}
    if DEFAULT not in found:
        pytest.skip(f"this package was made without the model {DEFAULT} ({FOLDER})")
    return found[DEFAULT]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser. Skips where there is none."""
    with chromium() as running:
        yield running
