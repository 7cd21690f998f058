"""Batches of drawn pictures in place of patches of scans."""

from __future__ import annotations

from dataclasses import fields

from condyle.config import Plan
from condyle.data.store import Store
from condyle.errors import ConfigError, DataError
from condyle.phantoms.synthetic.anatomy import LABELS
from condyle.phantoms.synthetic.stored import MAPS, stored_maps
from condyle.training import Batches
from condyle.training.synthetic import EASY_EPOCHS, SyntheticBatches


def synthetic_batches(batches: Batches, plan: Plan, store: Store, *, beginner: bool) -> SyntheticBatches:
    """The same batches of drawn pictures.

    Args:
        batches: Of scans.
        plan: Three-dimensional, of one channel.
        store: Of a dataset with maps.
        beginner: Whether the network has learned nothing yet, and is shown easy pictures first.

    Raises:
        ConfigError: if the plan is not for such pictures, or the labels are not theirs.
        DataError: if a case has no map.
    """
    spacing = tuple(mm for mm in plan.spacing_mm if mm is not None)
    if len(spacing) != 3 or len(plan.channels) != 1:
        got = f"{plan.spacing_mm}, {len(plan.channels)} channels"
        raise ConfigError("pictures: synthetic", expected="a spacing along 3 axes and 1 channel", got=got)
    folder = store.dataset.folder
    if store.dataset.labels != LABELS:
        got = ", ".join(store.dataset.labels.names)
        raise ConfigError(folder, expected="the structures of condyle phantom synthetic", got=got)
    maps = stored_maps(folder / MAPS)
    missing = [id_ for id_ in batches.ids if id_ not in maps]
    if missing:
        hint = "condyle phantom synthetic makes such a dataset."
        raise DataError(folder / MAPS, expected="a map of each case", got=f"none of {missing[0]}", hint=hint)
    given = {f.name: getattr(batches, f.name) for f in fields(Batches)} | {"augment": None}
    return SyntheticBatches(
        **given,
        maps=maps,
        spacing_mm=spacing,
        axes=plan.axes,
        channel=plan.channels[0],
        roughly=plan.cascade,
        easy_epochs=EASY_EPOCHS if beginner else 0,
    )
