"""One pair of picture and labels, drawn from a map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.scanners.metal import metal_streaks
from condyle.phantoms.synthetic.acquisition import acquired, drawn_sampling, scanner_noise, smooth_wave
from condyle.phantoms.synthetic.anatomy import LABELS, REACH_MM
from condyle.phantoms.synthetic.looks import Look, ct_look, drawn_look
from condyle.phantoms.synthetic.pose import Pose, Size, View, drawn_pose, swapped
from condyle.phantoms.synthetic.reading import paint, read_map
from condyle.phantoms.synthetic.stored import Readable
from condyle.phantoms.tissue import CODES
from condyle.space import Box

Array = NDArray[np.float32]
Codes = NDArray[np.uint8]

#: A picture is painted this much finer than the network sees it, unless that is finer than `FINEST_MM` anyway.
FINER, FINEST_MM = 1.5, 0.9
#: Share of pictures that show nothing but noise.
EMPTY = 0.01
#: Share of pictures whose field of view is cut to less than the patch, and of those of a joint alone: random cuts show
#: one too seldom, and a first stage that sees few of them finds a tenth less in them.
CUT, JOINT = 0.55, 0.25
#: Sides of a joint's field of view.
_JOINT_MM = (120.0, 260.0)
#: How often a scan shows no more than the patch, and how large it is otherwise, in patches along each axis.
ALONE, AROUND = 0.35, (0.8, 2.5)
#: Voxels along each axis of the look at all of a scan.
_AROUND_VOXELS = 26
#: How far a first stage's outlines may be off: deviation in mm, and the length over which that changes; and how far all
#: it found, along each axis. Outlines as fine as the picture and off by 3 mm only are copied by a second stage.
_OFF_MM, _OFF_OVER_MM, _SHIFT_MM = 6.0, 24.0, 2.0
#: A first stage's voxels, in those of the picture.
_COARSER = (2, 5)
#: What CT stores outside its round field of view.
_OUTSIDE_HU = (-1024.0, -2000.0, -3024.0)


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture and its labels.

    Args:
        image: float32, the patch; HU, or a signal of any scale.
        labels: int16, the patch; ids in `anatomy.LABELS`.
        seen: The part of the patch that lies in the scan's field of view; the rest nobody scanned.
        kind: Of the look: `ct`, `mr` or `random`.
        around: Values of the whole scan that the patch was cut from, coarsely and without noise; of its own values if
            the scan is no larger.
        rough: As `labels`, on coarser voxels and with outlines that are off: what a first stage finds if nothing goes
            wrong.
    """

    image: Array
    labels: NDArray[np.int16]
    seen: Box
    kind: str
    around: Array
    rough: NDArray[np.int16]


def drawn_pair(stored: Readable, view: View, rng: np.random.Generator, *, easy: bool = False) -> Pair:
    """Draw a pose, a look and a scanner, and make the pair.

    Args:
        stored: A map.
        view: What the network sees.
        rng: All chance comes from it.
        easy: CT that fills the patch, for a beginner.
    """
    grid = stored.grid
    centre = stored.centre(rng) + rng.uniform(-0.3, 0.3, 3) * view.size_mm[np.argsort(view.axes)] * rng.random()
    pose = drawn_pose(view, centre, rng)
    ends_mm = grid.to_world(np.array([[0, 0, 0], np.array(grid.shape) - 1]))[:, 2]
    seen = _field_of_view(view, pose, ends_mm, 0.0 if easy else CUT, rng)
    look = ct_look(rng) if easy else drawn_look(rng)

    fine = _fine(view)
    codes, depth = read_posed(stored, pose, view, fine)
    picture = _painted(codes, depth, look, view, rng)
    empty = bool(rng.random() < EMPTY)
    if empty:
        picture[:] = picture.mean()
    image, stored_as = _scanned(picture, codes, look, view, rng)
    alone = empty or rng.random() < ALONE
    around = image[seen.slices] if alone else stored_as(_around(stored, pose, look, view, rng))

    codes, depth = read_posed(stored, pose, view, view.patch)
    bones = swapped(codes[1], {0: 0, **LABELS.mirror_table()}) if pose.mirrored else codes[1].astype(np.int16)
    hidden = np.ones(view.patch, bool)
    hidden[seen.slices] = empty
    labels, rough = (np.where(inside & ~hidden, bones, 0) for inside in (depth < 0, _roughly_inside(depth, view, rng)))
    return Pair(image, labels, seen, look.kind, around, rough)


def _around(stored: Readable, pose: Pose, look: Look, view: View, rng: np.random.Generator) -> Array:
    """What the whole scan shows, at a glance; its values decide how the patch is normalised."""
    larger = rng.uniform(*AROUND)
    a, b, c = (float(mm) for mm in view.size_mm * larger / _AROUND_VOXELS)
    wide = View((_AROUND_VOXELS,) * 3, (a, b, c), view.axes)
    codes, depth = read_posed(stored, replace(pose, arrows_mm=np.zeros((3, 2, 2, 2), np.float32)), wide, wide.patch)
    return _painted(codes, depth, look, wide, rng)


def _roughly_inside(depth: Array, view: View, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Where a first stage sees bone: coarsely, outlines off by a smooth random field, and all a little moved."""
    nodes = np.maximum(2, np.ceil(view.size_mm / _OFF_OVER_MM).astype(int) + 1)
    off_mm = np.asarray(rng.normal(0, _OFF_MM * rng.random(), nodes), np.float32)
    step = int(rng.integers(*_COARSER))
    coarse, places = depth, []
    for axis, (n, mm) in enumerate(zip(view.patch, view.spacing_mm, strict=True)):
        at = np.arange(int(rng.integers(step)), n, step)
        moved = np.clip(at + round(rng.normal(0, _SHIFT_MM) / mm), 0, n - 1)
        coarse = np.take(coarse, moved, axis)
        off_mm = _interpolated(off_mm, axis, at / (n - 1) * (nodes[axis] - 1))
        places.append(np.clip((np.arange(n) - at[0]) / step, 0, len(at) - 1))
    inside = (coarse + off_mm < 0).astype(np.float32)
    for axis, place in enumerate(places):
        inside = _interpolated(inside, axis, place)
    return inside > 0.5


def _interpolated(lattice: Array, axis: int, place: NDArray[np.float64]) -> Array:
    """Along one axis the values at places between nodes, on straight lines."""
    low = np.minimum(place.astype(int), lattice.shape[axis] - 2)
    part = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    below, above = np.take(lattice, low, axis), np.take(lattice, low + 1, axis)
    return np.asarray(below + part * (above - below), np.float32)


def _fine(view: View) -> Size:
    finer = [min(FINER, max(1.0, mm / FINEST_MM)) for mm in view.spacing_mm]
    i, j, k = (round(n * f) for n, f in zip(view.patch, finer, strict=True))
    return i, j, k


def read_posed(stored: Readable, pose: Pose, view: View, size: Size) -> tuple[Codes, Array]:
    """What lies where in a posed map: codes (3, *size) of `read_map`, and depth in mm, negative in bones."""
    codes = np.empty((3, *size), np.uint8)
    depth = np.empty(size, np.float32)
    read_map(stored.planes(), pose.frame(view, stored.grid, size), pose.arrows(stored.grid), codes, depth)
    depth *= np.float32(REACH_MM / 127)
    depth -= np.float32(pose.thicker_mm)
    return codes, depth


def _painted(codes: Codes, depth: Array, look: Look, view: View, rng: np.random.Generator) -> Array:
    fine = depth.shape
    voxel_mm = float(np.prod(view.size_mm / fine) ** (1 / 3))
    blocks = grains()
    chosen = rng.integers(len(blocks[0])), rng.integers(len(blocks[1]))
    grain = np.stack([blocks[0][chosen[0]], blocks[1][chosen[1]]])
    steps = rng.integers(0, grain.shape[1], (2, 3))
    nodes = np.maximum(2, np.ceil(view.size_mm / 30).astype(int) + 1)
    fields = np.asarray(rng.standard_normal((2, *nodes)), np.float32)
    out = np.empty(fine, np.float32)
    paint(codes, depth, look.tissues, look.bones, look.numbers(voxel_mm), grain, steps, fields, out)
    return out


def _scanned(
    picture: Array, codes: Codes, look: Look, view: View, rng: np.random.Generator
) -> tuple[Array, Callable[[Array], Array]]:
    """The patch as a scanner stores it, and how it stores values."""
    sampling = drawn_sampling(look.kind, view.axes, rng)
    image = acquired(picture, sampling, view.patch, view.size_mm)
    noise = scanner_noise(sampling, view.patch, view.size_mm, rng)
    if look.kind == "ct":
        return _ct(image, noise, codes, view, rng)
    return _signal(image, noise, rng)


def _ct(
    image: Array, noise: Array, codes: Codes, view: View, rng: np.random.Generator
) -> tuple[Array, Callable[[Array], Array]]:
    """Noise, beam hardening, metal's streaks, the round field of view and the values that a CT scanner stores."""
    if rng.random() < 0.3:
        image += rng.uniform(5, 40) * smooth_wave(view.patch, 3, rng) * (image > -500)
    if (codes[0] == CODES["titanium"]).any():
        _add_streaks(image, codes[0], view, rng)
    sigma = float(np.exp(rng.uniform(np.log(3), np.log(70))))
    image += np.float32(sigma) * noise
    low, high = -3024.0, 3071.0
    if rng.random() < 0.05:
        # Stored as it was looked at.
        low, high = float(rng.uniform(-1000, -150)), float(rng.uniform(250, 1500))
    elif rng.random() < 0.12:
        _mask_round(image, view, rng)
    elif rng.random() < 0.3:
        high = float(rng.uniform(1200, 3071))

    def stored_as(hu: Array) -> Array:
        return np.clip(hu, low, high)

    return stored_as(image), stored_as


def _signal(image: Array, noise: Array, rng: np.random.Generator) -> tuple[Array, Callable[[Array], Array]]:
    """Bias, noise of a magnitude, a curve and a scale."""
    patch = (image.shape[0], image.shape[1], image.shape[2])
    image *= np.exp(np.float32(rng.uniform(0, 0.45)) * smooth_wave(patch, int(rng.integers(2, 5)), rng))
    image += np.float32(np.exp(rng.uniform(np.log(0.005), np.log(0.12)))) * noise
    image = np.abs(image)
    top = float(image.max()) or 1.0
    power = float(np.exp(rng.uniform(-0.4, 0.4))) if rng.random() < 0.5 else 1.0
    scale = top * float(rng.uniform(100, 3000))

    def stored_as(signal: Array) -> Array:
        return np.asarray(scale * (np.abs(signal) / top) ** power, np.float32)

    return stored_as(image), stored_as


def _add_streaks(image: Array, tissue: Codes, view: View, rng: np.random.Generator) -> None:
    """Streaks in axial slices of the network's grid."""
    up = view.axes.index(2)
    metal = (np.moveaxis(tissue, up, 0) == CODES["titanium"]).astype(np.float32)
    slices = np.moveaxis(image, up, 0)
    a, b = slices.shape[1:]
    spacing = tuple(np.delete(np.array(view.spacing_mm), up))
    rows, columns = (np.arange(n) * m // n for n, m in ((a, metal.shape[1]), (b, metal.shape[2])))
    strength = float(rng.uniform(0.2, 1.2))
    for k in range(len(slices)):
        flat = metal[k * len(metal) // len(slices)][np.ix_(rows, columns)]
        if flat.any():
            slices[k] += np.float32(strength) * metal_streaks(flat, (spacing[0], spacing[1]), 0.01, rng)


def _mask_round(image: Array, view: View, rng: np.random.Generator) -> None:
    up = view.axes.index(2)
    slices = np.moveaxis(image, up, 0)
    a, b = (np.linspace(-1, 1, n) for n in slices.shape[1:])
    outside = np.hypot(a[:, None] - rng.uniform(-0.2, 0.2), b - rng.uniform(-0.2, 0.2)) > rng.uniform(0.8, 1.3)
    slices[:, outside] = rng.choice(_OUTSIDE_HU)


def _field_of_view(view: View, pose: Pose, ends_mm: NDArray[np.float64], cut: float, rng: np.random.Generator) -> Box:
    """All of the patch, or a box in it; never beyond the ends of the map, where bodies are cut."""
    low, high = np.zeros(3, int), np.array(view.patch)
    if rng.random() < cut:
        joint = rng.random() < JOINT / CUT
        for axis, n in enumerate(view.patch):
            if joint:
                size = min(n, max(8, int(rng.uniform(*_JOINT_MM) / view.spacing_mm[axis])))
                low[axis] = (n - size) // 2
            else:
                size = max(8, int(n * rng.uniform(0.3, 1))) if rng.random() < 0.6 else n
                low[axis] = rng.integers(0, n - size + 1)
            high[axis] = low[axis] + size
    up = view.axes.index(2)
    steps = np.arange(view.patch[up]) - (view.patch[up] - 1) / 2
    along = pose.centre_mm[2] + steps * view.spacing_mm[up] * pose.matrix[2, up]
    within = np.flatnonzero((along > ends_mm[0] + 12) & (along < ends_mm[1] - 12))
    if len(within):
        first, last = max(low[up], within[0]), min(high[up], within[-1] + 1)
        if last - first >= 8:
            low[up], high[up] = first, last
    return Box((int(low[0]), int(low[1]), int(low[2])), (int(high[0]), int(high[1]), int(high[2])))


@cache
def grains() -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """A few blocks of network and of mottle, of different fineness: int8 (kinds, 64, 64, 64), 32 for 1."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(20)
    size = 64

    def block(sigma: float, network: bool) -> NDArray[np.int8]:
        white = rng.standard_normal((size, size, size)).astype(np.float32)
        field = gaussian_filter(white, sigma, mode="wrap") - gaussian_filter(white, 2 * sigma + 0.5, mode="wrap")
        if network:
            field = -np.abs(field)
        field = (field - field.mean()) / field.std()
        return np.asarray(np.clip(np.rint(32 * field), -127, 127), np.int8)

    return (
        np.stack([block(s, True) for s in (0.4, 0.8, 1.4)]),
        np.stack([block(s, False) for s in (0.6, 1.2, 2.4)]),
    )
