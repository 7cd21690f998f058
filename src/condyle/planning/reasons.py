"""Why a plan is as it is, in plain words with units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from condyle.config import Channel, NetConfig, Plan, Region
from condyle.labels import Labels
from condyle.planning.fingerprint import Fingerprint
from condyle.planning.fit import Sized
from condyle.planning.geometry import Geometry
from condyle.planning.quick import share_seen
from condyle.recipe import Recipe

_AXES = ("left-right", "front-back", "head-foot")


@dataclass(frozen=True)
class Reason:
    """One decision.

    Args:
        what: What was decided, e.g. `patch`.
        value: As a text with units.
        why: One sentence.
    """

    what: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.what:<14} {self.value}; {self.why}"


def times(values: Sequence[float], unit: str = "") -> str:
    """`1.5 x 1 x 1 mm`."""
    return " x ".join(f"{v:.4g}" for v in values) + (f" {unit}" if unit else "")


def _cases(count: int) -> str:
    return f"{count} case{'s' * (count != 1)}"


def for_data(seen: Fingerprint) -> list[Reason]:
    """What the plan is made from."""
    out = [Reason("data", _cases(len(seen.cases)), f"the crop to what is not 0 keeps {seen.kept:.0%} of a scan")]
    if seen.empty:
        out.append(Reason("no structure", _cases(len(seen.empty)), f"only background in {', '.join(seen.empty)}"))
    for s in seen.structures:
        if s.cases:
            text = f"median {s.volume_ml:.4g} ml, {s.thickness_mm:.3g} mm thick on average"
            out.append(Reason("structure", s.name, f"in {_cases(s.cases)}, {text}"))
        else:
            out.append(Reason("structure", s.name, "in no case: the network cannot learn it"))
    return out


def for_geometry(native: Geometry, seen: Geometry, recipe: Recipe) -> list[Reason]:
    """Spacing and order of axes."""
    why = "the scans' median; the 10th percentile across slices that are far apart"
    if recipe.spacing_mm:
        why = "the recipe's choice"
    elif recipe.network == "quick" and np.array_equal(native.spacing_mm, seen.spacing_mm):
        why = "the scans' own: they are small enough, or their structures too thin for less"
    elif recipe.network == "quick":
        why = f"coarser than the scans' {times(native.spacing_mm.tolist(), 'mm')}: few voxels, no structure lost"
    shape = f"the median scan has {times(seen.shape.tolist())} voxels there"
    return [
        Reason("axes", ", ".join(_AXES[a] for a in seen.axes), "the coarsest comes first"),
        Reason("spacing", times(seen.spacing_mm.tolist(), "mm"), f"{why}; {shape}"),
    ]


def for_channel(channel: Channel) -> Reason:
    """How its intensities are normalised."""
    how = {
        "ct": f"clipped to {channel.low:.5g} .. {channel.high:.5g}, minus {channel.mean:.5g}, over {channel.std:.4g}",
        "zscore": "minus each scan's own mean, over its own deviation",
        "rescale": "each scan's own range becomes 0 to 1",
        "rgb": "0 to 255 becomes 0 to 1",
        "none": "left as it is",
    }[channel.normalize]
    why = "the name CT asks for the dataset's own numbers" if channel.normalize == "ct" else "by the channel's name"
    if channel.normalize == "zscore":
        why = "every channel that is not named CT"
    inside = ", inside what is not 0" if channel.nonzero_only else ""
    return Reason("intensities", f"{channel.name}: {how}{inside}", why)


def for_outputs(labels: Labels, regions: Sequence[Region], recipe: Recipe) -> Reason:
    """Classes or regions."""
    if regions:
        why = "each scored by itself: they may overlap" if labels.regions else f"{recipe.loss} scores each by itself"
        return Reason("outputs", f"{len(regions)} regions: {', '.join(r.name for r in regions)}", why)
    names = ", ".join(("background", *labels.names))
    return Reason("outputs", f"{1 + len(labels.ids)} classes: {names}", "a voxel is one of them")


def for_net(net: NetConfig, recipe: Recipe, *, published: bool) -> Reason:
    """Its stages."""
    why = "as published" if published else "an axis is halved while 4 voxels are left, coarse axes later"
    if recipe.features:
        why += f"; {recipe.features} channels first are the recipe's choice"
    channels = ", ".join(map(str, net.features))
    coarsest = f"coarsest stage 1/{' x 1/'.join(map(str, net.divisor))}"
    return Reason("network", f"{recipe.network}, {net.dim}D, channels {channels}, {coarsest}", why)


def for_patch(patch: Sequence[int], shape: Sequence[float], recipe: Recipe, sized: Sized | None) -> Reason:
    """Its size."""
    seen = f"{share_seen(patch, shape):.0%} of the median scan"
    if recipe.patch and tuple(recipe.patch) != tuple(patch):
        why = f"the recipe's {times(recipe.patch)}, rounded up to what the network can halve"
    elif recipe.patch:
        why = "the recipe's choice"
    elif sized is None:
        why = "as published"
    elif tuple(sized.first_patch) == tuple(patch):
        why = "as large as the median scan, which fits the memory"
    else:
        why = f"made smaller from {times(sized.first_patch)} to fit the memory"
    return Reason("patch", times(patch, "voxels"), f"{seen}; {why}")


def for_batch(batch: int, recipe: Recipe, sized: Sized | None, share: float) -> Reason:
    """Patches a step."""
    why = "what fits the memory, at least 2"
    if recipe.batch:
        why = "the recipe's choice"
    elif sized is None:
        why = "as published"
    elif recipe.network == "quick":
        why = "short steps"
    elif batch < sized.fitting_batch:
        why = f"{sized.fitting_batch} would fit, but a step should not see more than {share:.0%} of all voxels"
    return Reason("batch", str(batch), why)


def for_low(low: Plan | None, patch: Sequence[int], scans: Geometry) -> list[Reason]:
    """Whether a network on a coarser grid goes ahead."""
    if low is None:
        return []
    share = prod(patch) / scans.voxels
    size = f"patch {times(low.patch)}, batch {low.batch}"
    spacing = times([s for s in low.spacing_mm if s is not None], "mm")
    why = f"a full-resolution patch has {share:.0%} of a scan's voxels; trained with --stage low or cascade"
    return [Reason("first stage", f"at {spacing}, {size}", why)]


def for_dice(cascade: bool, recipe: Recipe) -> Reason:
    """Over which voxels Dice is taken."""
    if recipe.batch_dice is not None:
        return Reason("Dice", "over the batch" if recipe.batch_dice else "patch by patch", "the recipe's choice")
    if recipe.dim == 2:
        return Reason("Dice", "over the batch", "many slices hold little of a structure")
    if cascade:
        return Reason("Dice", "over the batch", "patches are small beside a scan")
    return Reason("Dice", "patch by patch", "a patch sees much of a scan")


def for_memory(memory_gb: float, recipe: Recipe) -> Reason:
    """What a training step takes."""
    why = "on a graphics card in mixed precision, by nnU-Net's yardstick"
    if memory_gb > 1.25 * recipe.memory_gb:
        why += f"; more than the {recipe.memory_gb:g} GB of the recipe, which chose the size"
    return Reason("memory", f"about {memory_gb:.1f} GB a training step", why)
