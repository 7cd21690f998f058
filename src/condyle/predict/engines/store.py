"""Converted networks on disk: each a folder that appears whole, once, however many processes want it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from condyle.errors import DataError
from condyle.io.atomic import atomic_folder
from condyle.predict.engines.openvino_import import openvino

_FILE = "model.xml"


def kept(folder: Path | None, make: Callable[[], Any]) -> Any:
    """An OpenVINO model, from its folder if it is there, else made and put there.

    Args:
        folder: Its own; None keeps nothing.
        make: Makes the model.

    Raises:
        DataError: if the folder cannot be written.
    """
    if folder is None:
        return make()
    if not folder.is_dir():
        model = make()
        try:
            with atomic_folder(folder) as part:
                openvino().save_model(model, part / _FILE, compress_to_fp16=False)
        except DataError:
            # Another process was faster; its model is as good.
            if not folder.is_dir():
                raise
    # Read in any case: weights in a mapped file are memory that the system can take back.
    return openvino().Core().read_model(folder / _FILE)
