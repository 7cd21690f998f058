"""Which network, with which patch and batch: the recipe's choices first, then what fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from condyle.config import NetConfig
from condyle.planning import quick
from condyle.planning.families import FAMILIES, REFERENCE_BATCH, Family, feature_maps
from condyle.planning.fit import Outputs, Sized, sized, step_memory_gb
from condyle.planning.geometry import Geometry
from condyle.planning.low import Fit
from condyle.planning.published import PUBLISHED, published_net, rounded_up
from condyle.planning.spacing import Floats
from condyle.recipe import Recipe


@dataclass(frozen=True)
class Choice:
    """A network with its patch and batch.

    Args:
        net: The network.
        patch: Its patch.
        batch: Patches a training step.
        memory_gb: Of a training step.
        family: Whose yardstick of memory is taken; the network's own where it was sized.
        fitted: What the planner found, where it sized the network.
    """

    net: NetConfig
    patch: tuple[int, ...]
    batch: int
    memory_gb: float
    family: Family
    fitted: Sized | None


def chosen(recipe: Recipe, ends: Outputs, scans: Geometry) -> Choice:
    """The recipe's network: as published, or sized for the scans."""
    if recipe.network in PUBLISHED:
        return _published(recipe, ends)
    family = _family(recipe)
    full = fitting(recipe, family, ends)(scans.spacing_mm, tuple(scans.shape.tolist()), scans.voxels * scans.cases)
    batch = recipe.batch or (REFERENCE_BATCH[recipe.dim] if recipe.network == "quick" else full.batch)
    memory_gb = step_memory_gb(full.maps, batch, recipe.dim, family)
    return Choice(full.net, full.patch, batch, memory_gb, family, full)


def _published(recipe: Recipe, ends: Outputs) -> Choice:
    net = published_net(recipe.network, recipe.dim, ends.in_channels, ends.out_channels, recipe.features)
    _, patch, batch = PUBLISHED[recipe.network]
    patch, batch = rounded_up(recipe.patch or patch, net.divisor), recipe.batch or batch
    family = FAMILIES["plain"]
    memory_gb = step_memory_gb(feature_maps(net, patch), batch, recipe.dim, family)
    return Choice(net, patch, batch, memory_gb, family, None)


def _family(recipe: Recipe) -> Family:
    family = quick.FAMILY if recipe.network == "quick" else FAMILIES[recipe.network]
    if not recipe.features:
        return family
    two, three = family.most
    return replace(family, first=recipe.features, most=(max(two, recipe.features), max(three, recipe.features)))


def fitting(recipe: Recipe, family: Family, ends: Outputs) -> Fit:
    """Sizes a network of the recipe for a spacing, the median shape there and the voxels of all scans there."""
    dim = recipe.dim
    memory_gb = min(recipe.memory_gb, family.reference_gb) if recipe.network == "quick" else recipe.memory_gb

    def fit(spacing_mm: Floats, shape: Sequence[float], voxels: float) -> Sized:
        return sized(
            family,
            ends,
            spacing_mm.tolist()[-dim:],
            shape[-dim:],
            dataset_voxels=voxels,
            memory_gb=memory_gb,
            deep_supervision=recipe.deep_supervision,
            patch=recipe.patch,
        )

    return fit
