"""The table a patient lies on in a CT scanner."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from condyle.phantoms.body import Body
from condyle.phantoms.part import body
from condyle.phantoms.solids import Solid, capsule, union


def table(back_mm: float, bounds_z_mm: tuple[float, float], half_width_mm: float = 230) -> tuple[Body, ...]:
    """A carbon-shelled foam table under a patient whose lowest point is at y = `back_mm`."""
    z = bounds_z_mm
    curve = np.array([(x, back_mm - 14 + 45 * (x / half_width_mm) ** 2) for x in np.linspace(-1, 1, 9) * half_width_mm])
    lines = [(np.append(a, 0), np.append(b, 0)) for a, b in pairwise(curve)]

    def shell(radius_mm: float) -> Solid:
        core = union(*(capsule(a, b, radius_mm) for a, b in lines))
        low, high = core.bounds_mm
        across = np.array([1, 1, 0], np.float32)
        return Solid(lambda p: core(p * across), np.array([[*low[:2], z[0]], [*high[:2], z[1]]]))

    return body("", "table_carbon", shell(11)), body("", "foam", shell(9))
