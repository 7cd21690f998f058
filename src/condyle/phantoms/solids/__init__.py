"""Shapes as signed distance functions, and how to join them.

* **solid**: a signed distance in mm (negative inside) and a box that holds the shape.
* **blend**: how wide, in mm, the fillet is where two solids are joined.

Distances of the primitives are exact or first-order close to the surface; joining keeps their slope at or below
one. After Hart (The Visual Computer 1996; 12:527) and, for the blend, Quilez (2013, polynomial smooth minimum).
"""

from condyle.phantoms.solids.joining import (
    culled,
    difference,
    intersection,
    offset,
    smooth_min,
    smooth_tube,
    tube,
    union,
)  # fmt: skip
from condyle.phantoms.solids.placing import mirrored, moved, rotation
from condyle.phantoms.solids.primitives import (
    box,
    capsule,
    cylinder,
    ellipsoid,
    half_space,
    plate,
    round_cone,
    sphere,
    torus,
)  # fmt: skip
from condyle.phantoms.solids.solid import Field, Matrix, Solid
from condyle.phantoms.solids.waves import displaced, uneven, waves

__all__ = [
    "Field", "Matrix", "Solid", "box", "capsule", "culled", "cylinder", "difference", "displaced", "ellipsoid",
    "half_space", "intersection", "mirrored", "moved", "offset", "plate", "rotation", "round_cone", "smooth_min",
    "smooth_tube", "sphere", "torus", "tube", "uneven", "union", "waves",
]  # fmt: skip
