"""From the entries under `models` to single trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any

import numpy as np

from condyle.config import from_json, to_json
from condyle.errors import ConfigError
from condyle.recipe import Recipe
from condyle.studies.space import space_of
from condyle.studies.study import ModelEntry, Study

#: What a grid may run over beside the fields of a recipe.
_RECIPE = "recipe"


@dataclass(frozen=True)
class Configuration:
    """One training.

    Args:
        id: Its name, and its folder's: `plain-3d-batch2-da5.corrected@1`.
        model: The entry it comes from.
        entry: That entry.
        label_set: As the study calls it.
        seed: Start of its random numbers.
        recipe: A named recipe; empty where it is chosen while the study runs.
        change: Fields of the recipe to values, those of all levels.
        varied: Those of them that the grid varies.
    """

    id: str
    model: str
    entry: ModelEntry
    label_set: str
    seed: int
    recipe: str
    change: Mapping[str, Any] = field(default_factory=dict)
    varied: Mapping[str, Any] = field(default_factory=dict)

    @property
    def plain_id(self) -> str:
        """Without its seed."""
        return self.id.split("@", 1)[0]


def configurations(study: Study) -> tuple[Configuration, ...]:
    """All trainings of a study, in order.

    Raises:
        ConfigError: if a recipe has no such field or value, or two trainings are the same.
    """
    out = [c for name, entry in study.models.items() for c in _of_entry(study, name, entry)]
    seen: dict[str, Configuration] = {}
    for c in out:
        if c.id in seen:
            raise ConfigError(f"models: {c.model}", expected="trainings that differ", got=f"{c.id} twice")
        seen[c.id] = c
    return tuple(out)


def referred(study: Study, reference: str, where: str) -> tuple[Configuration, ...]:
    """The trainings that a reference (without an evaluation before it) names.

    Raises:
        ConfigError: if it names none.
    """
    every = configurations(study)
    found = [c for c in every if reference in {c.id, c.plain_id, c.model, f"{c.model}.{c.label_set}"}]
    if not found:
        raise ConfigError(where, expected=f"one of {', '.join(study.models)}", got=reference)
    return tuple(found)


def _of_entry(study: Study, name: str, entry: ModelEntry) -> list[Configuration]:
    where = f"models: {name}"
    if entry.best_of and (entry.over or entry.recipe != "default"):
        raise ConfigError(where, expected="best_of without recipe and over", got="both")
    if entry.search is not None:
        _check_search(entry, study, where)
    out = []
    for varied in _combinations(entry, where):
        recipe = str(varied.get(_RECIPE, entry.recipe))
        change = {**entry.change, **{k: v for k, v in varied.items() if k != _RECIPE}, **study.change}
        if entry.best_of:
            _known_fields(change, where)
        else:
            checked(recipe, change, where)
        for label_set in entry.label_sets:
            for seed in study.seeds:
                id_ = "-".join([name, *map(_word, varied.items())])
                id_ += f".{label_set}" if len(entry.label_sets) > 1 else ""
                id_ += f"@{seed}" if len(study.seeds) > 1 else ""
                chosen = "" if entry.best_of or entry.search else recipe
                out.append(Configuration(id_, name, entry, label_set, seed, chosen, change, varied))
    return out


def _check_search(entry: ModelEntry, study: Study, where: str) -> None:
    assert entry.search is not None  # noqa: S101 - asked by the caller
    if entry.best_of or entry.over:
        raise ConfigError(where, expected="search without best_of and over", got="both")
    space_of([f"{name}={values}" for name, values in entry.search.over.items()], f"{where}: search: over")
    checked(entry.recipe, {**entry.change, **entry.search.change, **study.change}, f"{where}: search")


def checked(recipe: str, change: Mapping[str, Any], where: str) -> Recipe:
    """The recipe with its changes.

    Raises:
        ConfigError: if there is no such recipe, field or value.
    """
    if "seed" in change:
        raise ConfigError(f"{where}: change: seed", expected="seeds under the key seeds", got=str(change["seed"]))
    try:
        base = Recipe.named(recipe)
        return from_json(Recipe, {**to_json(base), **change}, "")
    except ConfigError as error:
        inner = error.where.removeprefix("recipe").removeprefix(": ").strip()
        place = f"{where}: recipe" if error.where == "recipe" else f"{where}: change"
        told = f"{place}: {inner}" if inner else place
        raise ConfigError(told, expected=error.expected, got=error.got, hint=error.hint) from None


def _combinations(entry: ModelEntry, where: str) -> Sequence[Mapping[str, Any]]:
    _known_fields({name: None for name in entry.over if name != _RECIPE}, where, "over")
    empty = [name for name, values in entry.over.items() if not values]
    if empty:
        raise ConfigError(f"{where}: over: {empty[0]}", expected="one value or more", got="none")
    every = [dict(zip(entry.over, values, strict=True)) for values in product(*entry.over.values())]
    if not 0 < entry.pick < len(every):
        return every
    keys = np.random.PCG64(0).random_raw(len(every))
    return [every[int(n)] for n in np.sort(np.argsort(keys, kind="stable")[: entry.pick])]


def _known_fields(change: Mapping[str, Any], where: str, section: str = "change") -> None:
    known = [f.name for f in fields(Recipe)]
    unknown = [name for name in change if name not in known]
    if unknown:
        raise ConfigError(f"{where}: {section}", expected=f"keys among {', '.join(known)}", got=unknown[0])


def _word(varied: tuple[str, Any]) -> str:
    """`batch372`, `da5`: short, and safe as the name of a folder."""
    field_name, value = varied
    if isinstance(value, list):
        value = "x".join(map(str, value))
    text = value if isinstance(value, str) else f"{field_name.replace('_', '')}{value}"
    return "".join(c if c.isalnum() or c in "_+" else "." if c == "." else "_" for c in text)
