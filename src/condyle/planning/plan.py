"""From a fingerprint and a recipe to a plan, each decision with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from condyle.config import Plan
from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.planning import quick, reasons
from condyle.planning.choice import Choice, chosen, fitting
from condyle.planning.ends import channels, names_counted, regions
from condyle.planning.fingerprint import Fingerprint
from condyle.planning.fit import Outputs
from condyle.planning.geometry import Geometry, geometry
from condyle.planning.low import low_stage
from condyle.planning.measure import ORIENTATION
from condyle.planning.reasons import Reason
from condyle.planning.spacing import Floats
from condyle.recipe import Recipe, Stage

#: Of drawn pictures: how much coarser the first stage of a cascade looks. It sees 27 times as much of a body.
DRAWN_COARSER = 3.0
#: The second then looks around what the first found: bodies are larger than the bones of interest.
DRAWN_NEAR_MM = 20.0


@dataclass(frozen=True)
class Planned:
    """A plan and why it is so; plain data, see `config.to_json`.

    Args:
        plan: The network that sees the scan at full resolution.
        reasons: Every decision, in the order in which they were made.
        memory_gb: Of a training step of `plan` in mixed precision on a graphics card, by arithmetic.
        batch_dice: Whether Dice is taken over the whole batch rather than a patch at a time, for `plan` and `cascade`.
        low: The network on a coarser grid that goes ahead of a cascade, where the patch sees too little of a scan.
        cascade: The full-resolution network that is also given what `low` found; there with `low`.
        low_batch_dice: As `batch_dice`, for `low`.
    """

    plan: Plan
    reasons: tuple[Reason, ...]
    memory_gb: float
    batch_dice: bool
    low: Plan | None = None
    cascade: Plan | None = None
    low_batch_dice: bool = False

    def of_stage(self, stage: Stage) -> tuple[Plan, bool]:
        """The plan that a recipe's stage asks for, and whether Dice is taken over its batch; of a cascade the second.

        Raises:
            ConfigError: if one network is enough.
        """
        if stage == "full":
            return self.plan, self.batch_dice
        if self.low is None or self.cascade is None:
            expected = "full, as one patch sees a quarter of a scan or more"
            raise ConfigError("recipe: stage", expected=expected, got=stage)
        return (self.low, self.low_batch_dice) if stage == "low" else (self.cascade, self.batch_dice)


def make_plan(fingerprint: Fingerprint, labels: Labels, recipe: Recipe) -> Planned:
    """Decide on everything a recipe leaves open.

    Scans are turned to RAS and their axes put in the order k, j, i, the coarsest first: for scans that are all stored
    with k along the body, j front to back and i left to right, whichever way each runs, this is nnU-Net's transposed
    order, and the networks `plain`, `resenc-m` and `resenc-l` get nnU-Net's spacing, patch, batch and stages.

    Args:
        fingerprint: Of the dataset.
        labels: Its table of structures.
        recipe: Its choices go before the planner's.

    Raises:
        ConfigError: if the recipe's choices contradict each other or the data, or nothing fits its memory.
    """
    if not labels.structures:
        raise ConfigError("labels", expected="a structure to find", got="none")
    native = geometry(fingerprint, recipe)
    _check_flat(native, recipe)
    scans = _seen(native, fingerprint, recipe)
    outputs = regions(labels, recipe)
    ends = Outputs(len(fingerprint.channels), len(outputs) or 1 + len(labels.ids), names_counted(labels))
    choice = chosen(recipe, ends, scans)
    plan = Plan(
        net=choice.net,
        channels=channels(fingerprint),
        spacing_mm=_spacing(scans.spacing_mm, recipe),
        patch=choice.patch,
        batch=choice.batch,
        axes=scans.axes,
        orientation=ORIENTATION,
        regions=outputs,
        mirror=_mirror(recipe, scans),
        # Drawn pictures show either side of the same bodies: both are asked, which costs little on coarse grids.
        mirrored=recipe.pictures == "synthetic",
    )
    low = _low(recipe, ends, scans, choice, plan)
    by_batch = recipe.dim == 2 or low is not None
    text = [
        *reasons.for_data(fingerprint),
        *reasons.for_geometry(native, scans, recipe),
        *map(reasons.for_channel, plan.channels),
        reasons.for_outputs(labels, outputs, recipe),
        reasons.for_net(plan.net, recipe, published=choice.fitted is None),
        reasons.for_patch(plan.patch, scans.shape[-recipe.dim :].tolist(), recipe, choice.fitted),
        reasons.for_batch(plan.batch, recipe, choice.fitted, choice.family.largest_share),
        *reasons.for_low(low, choice.patch, scans),
        reasons.for_dice(low is not None, recipe),
        reasons.for_memory(choice.memory_gb, recipe),
    ]
    return Planned(
        plan=plan,
        reasons=tuple(text),
        memory_gb=choice.memory_gb,
        batch_dice=by_batch if recipe.batch_dice is None else recipe.batch_dice,
        low=low,
        cascade=None if low is None else _cascade(plan, labels, recipe),
        low_batch_dice=bool(recipe.batch_dice),
    )


def _check_flat(scans: Geometry, recipe: Recipe) -> None:
    """A three-dimensional network cannot halve single slices."""
    if scans.shape[0] == 1 and recipe.dim == 3:
        raise ConfigError("recipe: dim", expected="2 for scans of a single slice", got="3", hint="Give --dim 2.")


def _seen(native: Geometry, fingerprint: Fingerprint, recipe: Recipe) -> Geometry:
    if recipe.network != "quick" or recipe.spacing_mm:
        return native
    return native.at(fingerprint, quick.quick_spacing(native.spacing_mm, native.shape, fingerprint.structures))


def _spacing(spacing_mm: Floats, recipe: Recipe) -> tuple[float | None, float, float]:
    """In 2D slices stay where they are, unless the recipe says how far apart they are to be."""
    a, b, c = spacing_mm.tolist()
    return (None if recipe.dim == 2 and not recipe.spacing_mm else a), b, c


def _mirror(recipe: Recipe, scans: Geometry) -> tuple[int, ...]:
    if recipe.mirror == "off":
        return ()
    if recipe.mirror == "sides":
        # Axes of the patch: in 2D the first of the scan's is the one that slices are cut across.
        return tuple(n for n, axis in enumerate(scans.axes[-recipe.dim :]) if axis == 0)
    return tuple(range(recipe.dim))


def _low(recipe: Recipe, ends: Outputs, scans: Geometry, full: Choice, plan: Plan) -> Plan | None:
    """The first stage of a cascade, where one is due."""
    if recipe.pictures == "synthetic":
        return replace(plan, spacing_mm=_spacing(DRAWN_COARSER * scans.spacing_mm, recipe))
    if full.fitted is None or recipe.dim == 2 or recipe.network == "quick":
        return None
    found = low_stage(full.fitted, scans, fitting(recipe, full.family, ends))
    if found is None:
        return None
    spacing_mm, low = found
    if len(low.net.features) == 1:
        # A few thin slices, far coarser across: a network that halves nothing sees no more than the full one.
        return None
    batch = recipe.batch or low.batch
    return replace(plan, net=low.net, spacing_mm=_spacing(spacing_mm, recipe), patch=low.patch, batch=batch)


def _cascade(plan: Plan, labels: Labels, recipe: Recipe) -> Plan:
    """The same network with an input more for each structure."""
    net = replace(plan.net, in_channels=plan.net.in_channels + len(labels.ids))
    return replace(plan, net=net, cascade=labels.ids, near_mm=DRAWN_NEAR_MM if recipe.pictures == "synthetic" else None)
