"""What whole bones of a population are like: volume, and how the volume spreads along the bone's own axes.

Shape is told by three numbers that do not depend on size: the logarithms of the deviations of a bone's voxels along
its principal axes, in units of the cube root of its volume. Long, flat and round bones differ in them, and so does a
bone with a piece of its neighbour, or without its head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Row = tuple[float, float, float]

#: A bone is taken to vary at least so much, however few were seen: deviation of the logarithm of volume and of shape.
_LEAST_SIZE, _LEAST_SHAPE = 0.1, 0.03


@dataclass(frozen=True, eq=False)
class Body:
    """A bone as a body of even density.

    Args:
        volume_ml: Of it.
        spread_mm2: 3 x 3, covariance of its voxels' places in world.
    """

    volume_ml: float
    spread_mm2: NDArray[np.float64]

    @property
    def shape(self) -> NDArray[np.float64]:
        """The three numbers of the shape, the longest axis first."""
        size_mm = (self.volume_ml * 1000) ** (1 / 3)
        # A plate of one voxel has no spread across; a hundredth of its size stands for it.
        along_mm = np.sqrt(np.maximum(np.linalg.eigvalsh(self.spread_mm2)[::-1], (0.01 * size_mm) ** 2))
        return np.asarray(np.log(along_mm / size_mm))

    def scaled(self, factors: NDArray[np.float64]) -> Body:
        """Stretched along the axes of the world."""
        return Body(self.volume_ml * float(np.prod(factors)), self.spread_mm2 * np.outer(factors, factors))


@dataclass(frozen=True)
class Usual:
    """A bone in a population.

    Args:
        volume_ml: Geometric mean.
        spread: Deviation of the logarithm of the volume.
        shape: Mean of the three numbers.
        precision: 3 x 3, inverse of their covariance.
        beside: Deviation of the logarithm of the volume from what the person's other bones let expect; see
            `off_the_others`.
        bones: How many were measured.
    """

    volume_ml: float
    spread: float
    shape: Row
    precision: tuple[Row, Row, Row]
    beside: float = 0.25
    bones: int = 0

    def size_z(self, body: Body) -> float:
        """How many deviations the logarithm of a volume lies from the mean."""
        return float(np.log(body.volume_ml / self.volume_ml)) / self.spread

    def shape_z(self, body: Body) -> float:
        """Mahalanobis distance of a shape, divided by the root of 3: about 1 for usual bones."""
        off = body.shape - np.array(self.shape)
        return float(np.sqrt(max(0.0, off @ np.array(self.precision) @ off) / 3))


def off_the_others(sizes: Mapping[str, float]) -> dict[str, float]:
    """How far each bone of a person is off the median of the others, which tells a child from a small bone.

    Args:
        sizes: Bone to the logarithm of its volume, divided by the usual one; three bones or more, else nothing is said.
    """
    if len(sizes) < 3:
        return {}
    return {
        name: size - float(np.median([other for at, other in sizes.items() if at != name]))
        for name, size in sizes.items()
    }


def usual_of(bodies: Sequence[Body]) -> Usual:
    """What is usual among bones of one kind, at least two."""
    logs = np.log([body.volume_ml for body in bodies])
    shapes = np.array([body.shape for body in bodies])
    covariance = np.cov(shapes, rowvar=False) + _LEAST_SHAPE**2 * np.eye(3)
    a, b, c = ((float(x), float(y), float(z)) for x, y, z in np.linalg.inv(covariance))
    x, y, z = (float(v) for v in shapes.mean(0))
    spread = max(float(logs.std(ddof=1)), _LEAST_SIZE)
    return Usual(float(np.exp(logs.mean())), spread, (x, y, z), (a, b, c), bones=len(bodies))
