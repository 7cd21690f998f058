"""Compiled loops that read a map through a pose, and paint it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from condyle.phantoms.synthetic.anatomy import WALL_MM

Array = NDArray[Any]
Single = np.float32

#: What a tissue is to `paint`: bone, bone without a cortex, metal; 0 for all else.
BONE, PLAIN_BONE, METAL = 1, 2, 3


class Numbers(NamedTuple):
    """What `paint` needs beside tissues and bones, each a float32.

    Args:
        voxel_mm: Size of a voxel.
        soft_by_bone: Soft tissue in place of bone outside of bones.
        least_wall_mm: No cortex is thinner.
        density_sd: Deviation of the inside of bones along `fields[0]`; dense places stand out more than porous ones.
        soft_sd: Of soft tissue along `fields[1]`.
        cortex_sd: Of the cortex, by mottle.
        metal: Brightness of metal.
        core: Of the inside of bones in place of soft tissue.
        air: Below this there is no texture.
        rim: How much denser bone is under its surface.
        rim_per_mm: How that fades.
        wall_sd: Deviation of the logarithm of the wall's thickness along `fields[1]`.
    """

    voxel_mm: Single
    soft_by_bone: Single
    least_wall_mm: Single
    density_sd: Single
    soft_sd: Single
    cortex_sd: Single
    metal: Single
    core: Single
    air: Single
    rim: Single
    rim_per_mm: Single
    wall_sd: Single


#: Compiled without Python's lock, so that threads run side by side.
compiled = njit(nogil=True, cache=True, fastmath=True, error_model="numpy")


@compiled
def between(lattice: Array, i: Any, j: Any, row: Array) -> None:
    """The nodes (c) of a lattice (a, b, c) along its last axis at a place between nodes of the first two."""
    y, x = int(i), int(j)
    y, x = min(y, lattice.shape[0] - 2), min(x, lattice.shape[1] - 2)
    fy, fx = Single(i - y), Single(j - x)
    for k in range(lattice.shape[2]):
        low = lattice[y, x, k] + fx * (lattice[y, x + 1, k] - lattice[y, x, k])
        high = lattice[y + 1, x, k] + fx * (lattice[y + 1, x + 1, k] - lattice[y + 1, x, k])
        row[k] = low + fy * (high - low)


@compiled
def nearest(place: Any) -> Any:
    """The voxel whose centre is nearest."""
    return int(np.floor(place + Single(0.5)))


@compiled
def grain_at(grain: Array, step: Array, i: Any, j: Any, k: Any) -> Any:
    """A periodic block at a voxel."""
    last = grain.shape[0] - 1
    return Single(1 / 32) * grain[(i + step[0]) & last, (j + step[1]) & last, (k + step[2]) & last]


@compiled
def read_map(planes: Array, frame: Array, arrows: Array, codes: Array, depth: Array) -> None:
    """Tissue, bone and wall of the nearest voxel, and the distance between voxels.

    Args:
        planes: uint8 (3, I, J, K), see `anatomy`.
        frame: float64 (3, 4): from indices of the result to indices of the map.
        arrows: float32 (3, a, b, c): shifts added to the latter, on a lattice whose corners are those of the result.
        codes: uint8 (3, D, H, W), filled: tissue, bone, wall; 0 outside the map.
        depth: float32 (D, H, W), filled: steps from the surface, negative inside.
    """
    size, rows, columns = planes.shape[1], planes.shape[2], planes.shape[3]
    d, h, w = depth.shape
    _, a, b, c = arrows.shape
    along = np.empty((3, c), np.float32)
    place = np.empty(3, np.float32)
    per_k = Single((c - 1) / max(w - 1, 1))
    for i in range(d):
        for j in range(h):
            for n in range(3):
                between(arrows[n], i * (a - 1) / max(d - 1, 1), j * (b - 1) / max(h - 1, 1), along[n])
            for k in range(w):
                node = min(int(k * per_k), c - 2)
                part = k * per_k - Single(node)
                for n in range(3):
                    shift = along[n, node] + part * (along[n, node + 1] - along[n, node])
                    place[n] = frame[n, 0] * i + frame[n, 1] * j + frame[n, 2] * k + frame[n, 3] + shift
                z, y, x = place[0], place[1], place[2]
                iz, iy, ix = nearest(z), nearest(y), nearest(x)
                if iz < 0 or iy < 0 or ix < 0 or iz >= size or iy >= rows or ix >= columns:
                    codes[0, i, j, k] = 0
                    codes[1, i, j, k] = 0
                    codes[2, i, j, k] = 0
                    depth[i, j, k] = Single(127)
                    continue
                codes[0, i, j, k] = planes[0, iz, iy, ix]
                codes[1, i, j, k] = planes[1, iz, iy, ix] & 15
                codes[2, i, j, k] = planes[1, iz, iy, ix] >> 4
                near = planes[2, iz, iy, ix]
                if near in (1, 255):
                    depth[i, j, k] = Single(near) - Single(128)
                    continue
                z0 = max(0, min(int(np.floor(z)), size - 2))
                y0 = max(0, min(int(np.floor(y)), rows - 2))
                x0 = max(0, min(int(np.floor(x)), columns - 2))
                fz, fy, fx = z - Single(z0), y - Single(y0), x - Single(x0)
                total = Single(0)
                for dz in range(2):
                    for dy in range(2):
                        weight = (fz if dz else Single(1) - fz) * (fy if dy else Single(1) - fy)
                        low = Single(planes[2, z0 + dz, y0 + dy, x0])
                        high = Single(planes[2, z0 + dz, y0 + dy, x0 + 1])
                        total += weight * (low + fx * (high - low))
                depth[i, j, k] = total - Single(128)


@compiled
def paint(  # noqa: PLR0917
    codes: Array,
    depth: Array,
    look: Array,
    bones: Array,
    numbers: Numbers,
    grains: Array,
    steps: Array,
    fields: Array,
    out: Array,
) -> None:
    """The picture of a read map, before any scanner.

    Args:
        codes: From `read_map`.
        depth: From `read_map`, in mm.
        look: float32 (4, 256) by tissue: brightness, deviation of the network in it, of the mottle, and what it is:
            `BONE`, `PLAIN_BONE`, `METAL`, else 0.
        bones: float32 (3, 256) by bone: factor on brightness inside, brightness of the cortex, factor on its thickness.
        numbers: All else.
        grains: int8 (2, n, n, n): network and mottle, 32 for 1; n a power of 2.
        steps: int64 (2, 3): offsets in the grains.
        fields: float32 (2, a, b, c): lattices over the picture.
        out: float32 (D, H, W), filled.
    """
    d, h, w = depth.shape
    _, a, b, c = fields.shape
    along = np.empty((2, c), np.float32)
    per_k = Single((c - 1) / max(w - 1, 1))
    voxel_mm = numbers.voxel_mm
    for i in range(d):
        for j in range(h):
            for n in range(2):
                between(fields[n], i * (a - 1) / max(d - 1, 1), j * (b - 1) / max(h - 1, 1), along[n])
            for k in range(w):
                node = min(int(k * per_k), c - 2)
                part = k * per_k - Single(node)
                t, d_mm = codes[0, i, j, k], depth[i, j, k]
                kind = look[3, t]
                if kind == METAL:
                    out[i, j, k] = numbers.metal
                    continue
                mottle = grain_at(grains[1], steps[1], i, j, k)
                bony = kind in (BONE, PLAIN_BONE)
                soft = numbers.soft_by_bone if bony else look[0, t]
                if soft > numbers.air:
                    slow = along[1, node] + part * (along[1, node + 1] - along[1, node])
                    net = grain_at(grains[0], steps[0], i, j, k)
                    soft += look[2, t] * mottle + look[1, t] * net * Single(0 if bony else 1) + numbers.soft_sd * slow
                inside = min(max(Single(0.5) - d_mm / voxel_mm, Single(0)), Single(1))
                if inside > 0:
                    bone = codes[1, i, j, k]
                    net = grain_at(grains[0], steps[0], i, j, k)
                    dense = along[0, node] + part * (along[0, node + 1] - along[0, node])
                    core = look[0, t] if bony else numbers.core
                    core = core * bones[0, bone] + look[1, t] * net + numbers.density_sd * max(dense, Single(-0.5))
                    if kind != PLAIN_BONE:
                        core += numbers.rim * np.exp(d_mm * numbers.rim_per_mm)
                        slow = along[1, node] + part * (along[1, node + 1] - along[1, node])
                        uneven = np.exp(numbers.wall_sd * slow)
                        wall = max(Single(WALL_MM) * codes[2, i, j, k] * bones[2, bone] * uneven, numbers.least_wall_mm)
                        hard = min(max(Single(0.5) + (wall + d_mm) / voxel_mm, Single(0)), Single(1))
                        core += hard * (bones[1, bone] + numbers.cortex_sd * mottle - core)
                    soft += inside * (core - soft)
                out[i, j, k] = soft
