"""What the shape of a patch says of how far it may be turned. The rules are nnU-Net's.

A patch with few voxels along its first axis is one of **thick slices**: turning it across them would mix voxels that
lie far apart, so it is only turned and scaled within them.
"""

from __future__ import annotations

from condyle.augment.brick import Shape

#: A patch is of thick slices where its longest axis is more than so many times its first one.
THICK = 3.0


def turning_axes(patch: Shape) -> tuple[int, ...]:
    """The axes that may be mixed by rotation and changed by scaling."""
    if len(patch) == 3 and max(patch) / patch[0] > THICK:
        return (1, 2)
    return tuple(range(len(patch)))


def rotation_deg(patch: Shape) -> float:
    """The largest rotation: 30 degrees about each of three axes, any within a plane, 15 in a long 2-D patch."""
    if len(patch) == 2 and max(patch) / min(patch) > 1.5:
        return 15.0
    return 180.0 if len(turning_axes(patch)) == 2 else 30.0
