"""What `condyle model` tells: a model, a list of models, or where one was written or removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelInfo:
    """A model in words and numbers.

    Args:
        path: Where it is.
        facts: What `condyle.models.facts` tells.
    """

    path: Path
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain data; lengths in mm."""
        return {"path": str(self.path), **self.facts}

    def __str__(self) -> str:
        return "\n".join([str(self.path), *_lines(self.facts, "  ")])


@dataclass(frozen=True)
class ModelList:
    """The models of a store, and those that come with the package.

    Args:
        store: Its folder.
        models: Facts by name.
        failed: Models that cannot be used, and why.
        shipped: Facts of those that come with the package, by name; without those behind an installed one of the name.
    """

    store: Path
    models: Mapping[str, Mapping[str, Any]]
    failed: Mapping[str, str]
    shipped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """1 if a model cannot be used."""
        return int(bool(self.failed))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        told = {"store": str(self.store), "models": dict(self.models), "failed": dict(self.failed)}
        return told | {"shipped": dict(self.shipped)}

    def __str__(self) -> str:
        lines = [f"{self.store}: {len(self.models) or 'no'} models", *_rows(self.models)]
        lines += [f"  {name:<24} cannot be used: {why}" for name, why in self.failed.items()]
        return "\n".join([*lines, *(["they come with Condyle:", *_rows(self.shipped)] if self.shipped else [])])


@dataclass(frozen=True)
class ModelWritten:
    """A model that was installed or exported.

    Args:
        path: Where it is now.
        folds: The folds it has there.
        use: What can be done with it next.
    """

    path: Path
    folds: tuple[str, ...]
    use: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"path": str(self.path), "folds": list(self.folds), "use": self.use}

    def __str__(self) -> str:
        return f"{self.path}: folds {', '.join(self.folds)}\n  {self.use}"


@dataclass(frozen=True)
class ModelRemoved:
    """A model that was removed.

    Args:
        path: Where it was.
    """

    path: Path

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"removed": str(self.path)}

    def __str__(self) -> str:
        return f"{self.path}: removed"


def _rows(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"  {name:<24} {', '.join(told['structures'].values())} ({told['network']}, {len(told['folds'])} folds)"
        for name, told in models.items()
    ]


def _lines(told: Mapping[str, Any], margin: str) -> list[str]:
    """Facts as text; tables one level further in, what is empty left out."""
    lines = []
    for key, value in told.items():
        if value in (None, "", [], {}):
            continue
        if isinstance(value, Mapping) and any(isinstance(v, Mapping | list) for v in value.values()):
            lines += [f"{margin}{key}", *_lines(value, margin + "  ")]
        else:
            lines.append(f"{margin}{key:<{max(1, 17 - len(margin))}} {_plain(value)}")
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join("none" if v is None else _plain(v) for v in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if type(value) is int else str(value)
