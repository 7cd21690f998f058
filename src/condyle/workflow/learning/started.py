"""What a recipe may ask for where a training takes the plan of a trained model."""

from __future__ import annotations

from math import isclose

from condyle.config import NetKind, Plan
from condyle.errors import ConfigError
from condyle.planning.families import FAMILIES
from condyle.planning.geometry import KJI
from condyle.planning.published import rounded_up
from condyle.recipe import Network, Recipe

#: The recipe's name of a network to its family. `quick` stands in the recipes that leave the choice open: no wish.
_KINDS: dict[Network, NetKind] = {
    "plain": FAMILIES["plain"].kind, "resenc-m": FAMILIES["resenc-m"].kind, "resenc-l": FAMILIES["resenc-l"].kind,
    "vnet": "vnet", "unet3d": "unet3d", "resnet34": "resnet34_unet", "unet2d": "unet2d",
}  # fmt: skip


def check_asked(recipe: Recipe, plan: Plan) -> None:
    """Refuse a recipe that asks for another plan than that of the model to start from.

    Three dimensions are what a recipe has where nothing is said: no wish either.

    Raises:
        ConfigError: naming the field.
    """
    net = plan.net
    if _KINDS.get(recipe.network, net.kind) != net.kind:
        _refuse("network", " or ".join(name for name, kind in _KINDS.items() if kind == net.kind), recipe.network)
    if recipe.dim < net.dim:
        _refuse("dim", str(net.dim), str(recipe.dim))
    if recipe.features not in {0, net.features[0]}:
        _refuse("features", str(net.features[0]), str(recipe.features))
    if recipe.patch and (len(recipe.patch) != net.dim or rounded_up(recipe.patch, net.divisor) != plan.patch):
        _refuse("patch", _joined(plan.patch), _joined(recipe.patch))
    # A recipe counts axes as k, j, i; the plan has an order of its own, and may leave slices where they are.
    known = {axis: mm for axis, mm in zip(plan.axes, plan.spacing_mm, strict=True) if mm is not None}
    asked = dict(zip(KJI, recipe.spacing_mm, strict=True)) if recipe.spacing_mm else {}
    if any(axis in known and not isclose(known[axis], mm, rel_tol=1e-3) for axis, mm in asked.items()):
        got = _joined(recipe.spacing_mm)
        _refuse("spacing_mm", _joined(tuple(known[axis] for axis in KJI if axis in known)), got)


def _refuse(name: str, theirs: str, asked: str) -> None:
    raise ConfigError(
        f"recipe: {name}",
        expected=f"{theirs}, as the model to start from",
        got=asked,
        hint="Leave it out or give the model's own; with another plan, train without --start.",
    )


def _joined(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)
