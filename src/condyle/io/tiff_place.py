"""Where a TIFF stack lies in the patient, for which TIFF itself has no place.

It is read, in this order, from our own JSON in `ImageDescription`, from OME-XML, from ImageJ's description and
resolution tags; else the caller must give the spacing. Without our JSON the axes are taken as LPS: columns to
the left, rows to the back, pages to the head.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from condyle.errors import ConfigError, DataError
from condyle.io.geometry import FLIP_XY
from condyle.space import Affine

log = logging.getLogger("condyle")

Spacing = tuple[float, float, float]

#: mm per unit, as OME and ImageJ spell them.
_MM_PER_UNIT = {
    "m": 1000.0, "cm": 10.0, "mm": 1.0, "millimeter": 1.0, "inch": 25.4,
    "µm": 0.001, "μm": 0.001, "um": 0.001, "micron": 0.001, "microns": 0.001, "\\u00b5m": 0.001, "nm": 1e-6,
}  # fmt: skip

#: Spacings of option and file may differ by this much (relative) before they contradict each other.
_SAME_SPACING = 0.01


def affine_of(path: Path, tif: Any, given_mm: Spacing | None) -> Affine:
    """Index (column, row, page) to RAS mm.

    Args:
        path: The file, for errors.
        tif: The open `tifffile.TiffFile`.
        given_mm: Spacing given by the caller, or None.

    Raises:
        DataError: if neither file nor caller tells the spacing.
        ConfigError: if they contradict each other.
    """
    affine = _own_affine(path, tif.pages[0].description)
    if affine is not None:
        told: Spacing | None = tuple(np.linalg.norm(affine[:3, :3], axis=0))
    else:
        told = _ome_spacing(tif) or _imagej_spacing(tif)
    if told and given_mm and not np.allclose(told, given_mm, rtol=_SAME_SPACING, atol=0):
        raise ConfigError(
            "spacing",
            expected=f"the spacing that {path.name} tells, {' x '.join(f'{s:g}' for s in told)} mm",
            got=" x ".join(f"{s:g}" for s in given_mm),
            hint="Leave the option out, or correct the file.",
        )
    if affine is not None:
        return affine
    spacing_mm = told or given_mm
    if spacing_mm is None:
        raise DataError(
            path,
            expected="a TIFF that tells its voxel spacing (OME or ImageJ)",
            got="none",
            hint="Give it: --spacing X Y Z, in mm.",
        )
    log.warning("%s: TIFF says nothing about left and right; its axes are taken as left-posterior-superior.", path)
    return np.asarray(FLIP_XY @ np.diag([*spacing_mm, 1.0]))


def _own_affine(path: Path, description: str) -> Affine | None:
    if not description.startswith('{"condyle"'):
        return None
    try:
        affine = np.array(json.loads(description)["condyle"]["affine"], dtype=np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(path, expected="a 4 x 4 affine in ImageDescription", got=repr(error)) from error
    if affine.shape != (4, 4):
        raise DataError(path, expected="a 4 x 4 affine in ImageDescription", got=f"shape {affine.shape}")
    return affine


def _ome_spacing(tif: Any) -> Spacing | None:
    """Spacing by OME-XML, whose unit is micron unless it says another."""
    import tifffile

    if not tif.is_ome:
        return None
    images = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
    pixels = (images[0] if isinstance(images, list) else images)["Pixels"]
    try:
        x, y, z = (
            float(pixels[f"PhysicalSize{a}"]) * _MM_PER_UNIT[pixels.get(f"PhysicalSize{a}Unit", "µm")] for a in "XYZ"
        )
    except KeyError:
        return None
    return x, y, z


def _imagej_spacing(tif: Any) -> Spacing | None:
    """Spacing by ImageJ: pages in its description, columns and rows in the tags of pixels per unit."""
    told = tif.imagej_metadata or {}
    tags = tif.pages[0].tags
    mm = _MM_PER_UNIT.get(str(told.get("unit", "")).lower())
    if mm is None or "spacing" not in told or "XResolution" not in tags or "YResolution" not in tags:
        return None
    (x_pixels, x_units), (y_pixels, y_units) = tags["XResolution"].value, tags["YResolution"].value
    return x_units / x_pixels * mm, y_units / y_pixels * mm, float(told["spacing"]) * mm
