"""Which cleanup is asked for: a model's own, none, a preset, or a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.predict.cleanup import check_steps, steps_from_json
from condyle.predict.presets import PRESETS, preset
from condyle.predict.steps import Step


def asked_steps(asked: str, labels: Labels, own: Sequence[Any] | None = None) -> tuple[Step, ...]:
    """The steps that a word or a file stands for.

    Args:
        asked: `model`, `off`, the name of a preset, or a file `*.json`.
        labels: The structures they are for.
        own: The model's steps as plain data, where there is a model.

    Raises:
        ConfigError: if there are no such steps, they make no sense, or name a structure that is not there.
    """
    if asked == "model" and own is not None:
        steps = steps_from_json(list(own), "model: cleanup")
    elif asked == "off" and own is not None:
        return ()
    elif asked in PRESETS:
        return preset(asked, labels)
    elif asked.endswith(".json"):
        steps = steps_from_json(_content(Path(asked)), asked)
    else:
        words = ("model", "off", *PRESETS) if own is not None else tuple(PRESETS)
        raise ConfigError("cleanup", expected=f"{', '.join(words)}, or a JSON file of steps", got=asked)
    check_steps(steps, labels)
    return steps


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        got = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise ConfigError(path, expected="a JSON file of cleanup steps", got=got) from error
