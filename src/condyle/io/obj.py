"""Wavefront OBJ: lines `v x y z` for points and `f a b c` for polygons; all others are left out.

Read here and not by VTK, whose reader crashes on some damaged files. Described by P. Bourke,
https://paulbourke.net/dataformats/obj/.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.packed import opened


def read_obj(path: Path) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Points and polygons of an OBJ file.

    Returns:
        points: float64 (N, 3), as stored.
        faces: One array of positions in `points` a polygon.

    Raises:
        DataError: if a point or a polygon cannot be read.
    """
    points: list[list[float]] = []
    faces: list[NDArray[np.int64]] = []
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            words = line.split()
            try:
                if words[:1] == [b"v"]:
                    x, y, z = words[1:4]
                    points.append([float(x), float(y), float(z)])
                elif words[:1] == [b"f"]:
                    # A corner is point/texture/normal; points count from 1, or backward from the last one, -1.
                    corners = [int(word.partition(b"/")[0]) for word in words[1:]]
                    faces.append(np.array([c - 1 if c > 0 else len(points) + c for c in corners], np.int64))
            except (ValueError, OverflowError) as error:
                raise DataError(
                    path,
                    expected="lines of points (v x y z) and polygons (f a b c)",
                    got=f"line {number}: {line[:60].decode('utf-8', 'replace').strip()}",
                    hint="It is damaged or cut short: export it again.",
                ) from error
    return np.array(points, np.float64).reshape(-1, 3), faces
