"""Geometry as pure functions on arrays with affines. World is RAS, in mm; see `grid` for the words."""

from condyle.space.axes import ORIENTATIONS, Affine, axis_codes, world_axes
from condyle.space.crop import Box, bounding_box, crop, cropped_grid, pad
from condyle.space.grid import Grid, orthonormalized
from condyle.space.orient import flip, permute, reorient, side_axis
from condyle.space.regrid import orders_with_separate, resized_grid, separate_axis, spaced_grid, voxels_at
from condyle.space.resample import CUBIC, LINEAR, NEAREST, resample_image, resample_labels, resample_scores
from condyle.space.volume import Volume

__all__ = [
    "CUBIC",
    "LINEAR",
    "NEAREST",
    "ORIENTATIONS",
    "Affine",
    "Box",
    "Grid",
    "Volume",
    "axis_codes",
    "bounding_box",
    "crop",
    "cropped_grid",
    "flip",
    "orders_with_separate",
    "orthonormalized",
    "pad",
    "permute",
    "reorient",
    "resample_image",
    "resample_labels",
    "resample_scores",
    "resized_grid",
    "separate_axis",
    "side_axis",
    "spaced_grid",
    "voxels_at",
    "world_axes",
]
