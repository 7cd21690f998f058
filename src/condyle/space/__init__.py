"""Geometry as pure functions on arrays with affines. World is RAS, in mm; see `grid` for the words."""

from condyle.space.axes import ORIENTATIONS, Affine, axis_codes, world_axes
from condyle.space.crop import Box, bounding_box, crop, cropped_grid, pad
from condyle.space.grid import Grid, orthonormalized
from condyle.space.orient import flip, permute, reorient
from condyle.space.volume import Volume

__all__ = [
    "ORIENTATIONS", "Affine", "Box", "Grid", "Volume", "axis_codes", "bounding_box", "crop", "cropped_grid",
    "flip", "orthonormalized", "pad", "permute", "reorient", "world_axes",
]  # fmt: skip
