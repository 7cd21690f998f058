"""What goes into a network and what comes out: channels with their normalisation, classes or regions."""

from __future__ import annotations

from condyle.config import Channel, Normalization, Region
from condyle.data.nnunet_labels import labels_to_nnunet
from condyle.labels import Labels
from condyle.planning.fingerprint import Fingerprint
from condyle.recipe import Recipe

#: nnU-Net's names of channels that ask for something else than `zscore`.
_NORMALIZATIONS: dict[str, Normalization] = {
    "ct": "ct",
    "nonorm": "none",
    "rescale_to_0_1": "rescale",
    "rgb_to_0_1": "rgb",
}
#: Where the crop keeps less of the median scan, intensities are normalised inside what is not 0.
_MASK_BELOW = 3 / 4


def channels(fingerprint: Fingerprint) -> tuple[Channel, ...]:
    """Each channel with its normalisation: CT by the dataset's foreground, all else by each scan's own numbers."""
    masked = fingerprint.kept < _MASK_BELOW
    out = []
    for name, seen in zip(fingerprint.channels, fingerprint.intensities, strict=True):
        kind = _NORMALIZATIONS.get(name.casefold(), "zscore")
        if kind == "ct":
            out.append(Channel(name, kind, False, seen.mean, seen.std, seen.low, seen.high))
        else:
            out.append(Channel(name, kind, nonzero_only=masked and kind == "zscore"))
    return tuple(out)


def regions(labels: Labels, recipe: Recipe) -> tuple[Region, ...]:
    """Outputs that may overlap, or none where the outputs are background and the structures by id.

    Regions of the table are trained as nnU-Net does: large ones first, and every structure that has a name of its own.
    `bce` scores each structure by itself, so that each is a region.
    """
    if labels.regions:
        table = labels_to_nnunet(labels)
        told = {name: ids for name, ids in table["labels"].items() if name not in {"background", "ignore"}}
        return tuple(
            Region(name, tuple(ids) if isinstance(ids, list) else (ids,), paint)
            for (name, ids), paint in zip(told.items(), table["regions_class_order"], strict=True)
        )
    if recipe.loss == "bce":
        return tuple(Region(s.name, (s.id,), s.id) for s in labels.structures)
    return ()


def names_counted(labels: Labels) -> int:
    """Names in the table of labels as nnU-Net would have it, background and ignore among them."""
    return len(labels_to_nnunet(labels)["labels"])
