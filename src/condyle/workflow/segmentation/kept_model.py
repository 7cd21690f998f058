"""The model of a process that segments one scan after another, each by a command: loaded once."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from condyle import models
from condyle.workflow.segmentation.predict_settings import PredictSettings
from condyle.workflow.segmentation.segmenter import Segmenter, load

#: Name, size and time of each file of a model.
_State = tuple[tuple[str, int, int], ...]


def kept_segmenter(path: Path, settings: PredictSettings, configuration: str | None, scans: int) -> Segmenter:
    """A segmenter that is ready: that of the last call, if it was asked for the same and no file has changed since.

    Only the last one is kept.

    Args:
        path: The model, or its name.
        settings: How to ask it.
        configuration: As of `load`.
        scans: How many will come in all, about.

    Raises:
        ConfigError: as `Segmenter.make_ready`.
        ModelError: as `load`.
    """
    found = models.find(path).absolute()
    files = sorted(found.rglob("*")) if found.is_dir() else [found]
    state = tuple((file.name, s.st_size, s.st_mtime_ns) for file in files if (s := file.stat()) and file.is_file())
    return _ready(found, state, settings, configuration, scans)


@lru_cache(maxsize=1)
def _ready(path: Path, state: _State, settings: PredictSettings, configuration: str | None, scans: int) -> Segmenter:
    del state
    segmenter = replace(load(path, settings, configuration=configuration), scans=scans)
    segmenter.make_ready()
    return segmenter
