"""Cleanups that studies have found good, by name. They are made for whatever structures a model has."""

from __future__ import annotations

from collections.abc import Callable

from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.predict.steps import Close, CloseEachPart, LargestParts, SmallSliceParts, Step

#: Of the low-field knee study's ball of 9 voxels, which are about half a millimetre wide.
_KNEE_RADIUS_MM = 4.5


def preset(name: str, labels: Labels) -> tuple[Step, ...]:
    """The steps of a preset for a label table.

    Raises:
        ConfigError: if there is no preset of that name.
    """
    if name not in PRESETS:
        raise ConfigError("cleanup", expected=f"one of {', '.join(PRESETS)}", got=name)
    return PRESETS[name](labels)


def knee(labels: Labels) -> tuple[Step, ...]:
    """Each bone is one part without gaps.

    After the low-field knee study. Where one label stands for all bones its three largest parts (femur, tibia,
    patella) are kept, each closed by itself; where bones have labels of their own, the largest part of each.
    """
    if len(labels.names) == 1:
        return (CloseEachPart(labels.names[0], 3, _KNEE_RADIUS_MM),)
    return tuple(step for name in labels.names for step in (LargestParts(name), Close(name, _KNEE_RADIUS_MM)))


def limb(labels: Labels) -> tuple[Step, ...]:
    """No speckle: small holes and small parts of every axial slice go. After the paediatric leg study."""
    return tuple(SmallSliceParts(name) for name in labels.names)


#: A new preset is a function and a line here.
PRESETS: dict[str, Callable[[Labels], tuple[Step, ...]]] = {"knee": knee, "limb": limb}
