"""The steps of a cleanup, each a few settings and one function, mostly on one structure's mask."""

from __future__ import annotations

from condyle.predict.steps.base import MaskStep, Step
from condyle.predict.steps.edges import FollowEdges
from condyle.predict.steps.masks import (
    Close,
    CloseEachPart,
    DropSmaller,
    FillHoles,
    LargestParts,
    SmallSliceParts,
    Smooth,
)
from condyle.predict.steps.sides import LoneLimb, OneLimb, OneSide

__all__ = [
    "STEPS",
    "Close",
    "CloseEachPart",
    "DropSmaller",
    "FillHoles",
    "FollowEdges",
    "LargestParts",
    "LoneLimb",
    "MaskStep",
    "OneLimb",
    "OneSide",
    "SmallSliceParts",
    "Smooth",
    "Step",
]

#: Name in files to class; a new step is a class and a line here.
STEPS: dict[str, type[Step]] = {
    "one_side": OneSide,
    "one_limb": OneLimb,
    "lone_limb": LoneLimb,
    "largest_parts": LargestParts,
    "drop_smaller": DropSmaller,
    "close": Close,
    "close_each_part": CloseEachPart,
    "fill_holes": FillHoles,
    "small_slice_parts": SmallSliceParts,
    "smooth": Smooth,
    "follow_edges": FollowEdges,
}
