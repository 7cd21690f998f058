"""A study file, at one of its scales, with what the command line says of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from condyle.config import from_json
from condyle.errors import ConfigError
from condyle.studies.configurations import configurations
from condyle.studies.study import Study
from condyle.studies.yaml_text import line_of, read_yaml

#: The scale that is the file as it stands.
FULL = "full"


def read_study(
    path: Path,
    *,
    scale: str = FULL,
    data: Mapping[str, Path] | None = None,
    label_sets: Mapping[str, str] | None = None,
    device: str = "",
) -> Study:
    """Read and check a study.

    Args:
        path: The YAML file.
        scale: `full`, or one of the file's `scales`, whose keys are laid over the others.
        data: Dataset to its folder; phantoms take the place of those without.
        label_sets: The study's name of a label set to that of the datasets in `data`.
        device: Instead of the file's.

    Raises:
        ConfigError: naming line and key: unknown keys, wrong types, values that make no sense, names of nothing.
    """
    raw, tree = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError(path, expected="a table of keys", got=type(raw).__name__)
    scales = _scales(raw.pop("scales", None) or {}, path, tree)
    if scale != FULL and scale not in scales:
        raise ConfigError(path, expected=f"a scale of {', '.join([FULL, *scales])}", got=scale)
    merged = merge(raw, scales[scale]) if scale != FULL else raw
    try:
        study = from_json(Study, {**merged, "scale": scale}, "")
        study = _with_data(study, path.parent, data or {}, label_sets or {})
        study = replace(study, device=device or study.device)
        configurations(study)
    except ConfigError as error:
        keys = [key for key in error.where.split(": ") if key]
        unknown = [*keys, *error.got.split(", ")[:1]]
        line = line_of(tree, ["scales", scale, *unknown]) if scale != FULL else None
        deep = line_of(tree, ["scales", scale, *keys]) if scale != FULL else None
        line = line if line != deep else line_of(tree, unknown) or deep
        where = f"{path}, line {line}" if line else str(path)
        hint = error.hint
        raise ConfigError(": ".join([where, *keys]), expected=error.expected, got=error.got, hint=hint) from None
    return study


def _scales(raw: Any, path: Path, tree: yaml.Node | None) -> Mapping[str, Any]:
    """Scale to the keys that are laid over the others; a scale without keys is the file as it stands."""
    if not isinstance(raw, dict):
        where = f"{path}, line {line_of(tree, ['scales'])}: scales"
        raise ConfigError(where, expected="a table of names to keys", got=repr(raw))
    for name, keys in raw.items():
        if not isinstance(keys, dict | None):
            where = f"{path}, line {line_of(tree, ['scales', str(name)])}: scales: {name}"
            raise ConfigError(where, expected="a table of keys", got=repr(keys))
    return {str(name): keys or {} for name, keys in raw.items()}


def merge(base: Any, over: Any) -> Any:
    """Tables key by key; anything else is replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}


def _with_data(study: Study, beside: Path, folders: Mapping[str, Path], label_sets: Mapping[str, str]) -> Study:
    """The study with folders that lead anywhere from anywhere; those of the file are relative to it."""
    unknown = sorted(set(folders) - set(study.datasets))
    if unknown:
        raise ConfigError("--data", expected=f"names among {', '.join(study.datasets)}", got=", ".join(unknown))
    if label_sets and not folders:
        raise ConfigError("--label-set", expected="--data to go with it", got="none")
    given = {
        name: replace(
            data,
            path=str(folders[name].resolve() if name in folders else (beside / data.path).resolve()),
            label_sets={**data.label_sets, **(label_sets if name in folders else {})},
        )
        for name, data in study.datasets.items()
        if name in folders or data.path
    }
    return replace(study, datasets={**study.datasets, **given})
