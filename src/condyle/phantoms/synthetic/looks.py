"""What tissues look like this time: in CT, in MR, and at random."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from condyle.phantoms.scanners.mr import MR, signal
from condyle.phantoms.synthetic.anatomy import BONY, bony_codes
from condyle.phantoms.synthetic.reading import BONE, METAL, PLAIN_BONE, Numbers
from condyle.phantoms.tissue import CODES, TISSUES

Array = NDArray[np.float32]
_COUNT = len(TISSUES)
_BONY = bony_codes()
_TABLE = [CODES["table_carbon"], CODES["foam"]]
#: Shares of looks. MR is harder to learn: there the Dice of a bone is a third lower (`docs/training.md`).
CT, MR_LIKE = 0.50, 0.44
#: Deviation of the density inside of bones from place to place. In an old femur the head, which carries, may be 300 HU
#: denser than the trochanter.
_EVEN_HU, _UNEVEN_HU = (10.0, 80.0), (80.0, 220.0)
#: A cortex of 6 mm at a shaft's middle hardly shows over the head.
_WALL_SD = (0.2, 0.9)
#: Bones that belong together lie at neighbouring ids; 16 are more than there are.
_BONES = 16


@dataclass(frozen=True, eq=False)
class Look:
    """What `reading.paint` needs, in the units of the picture.

    Args:
        kind: `ct`, `mr` or `random`.
        tissues: float32 (4, 256), see `paint`.
        bones: float32 (3, 256), see `paint`.
        soft_by_bone: Brightness of what lies between bones where nothing else is known.
        least_wall_mm: No cortex is thinner.
        density_sd: Of slow changes inside bones.
        soft_sd: Of slow changes in soft tissue.
        cortex_sd: Of the cortex.
        metal: Brightness of metal.
        core: Of the inside of bones where nothing else is known.
        air: Below this there is no texture.
        rim: How much brighter the inside of bones is under the surface, fading within `rim_mm`.
        rim_mm: See `rim`.
        wall_sd: Of the logarithm of the cortex's thickness, from place to place.
    """

    kind: str
    tissues: Array
    bones: Array
    soft_by_bone: float
    least_wall_mm: float
    density_sd: float
    soft_sd: float
    cortex_sd: float
    metal: float
    core: float
    air: float
    rim: float
    rim_mm: float
    wall_sd: float

    def numbers(self, voxel_mm: float) -> Numbers:
        """For `paint`."""
        single = np.float32
        return Numbers(
            voxel_mm=single(voxel_mm),
            soft_by_bone=single(self.soft_by_bone),
            least_wall_mm=single(self.least_wall_mm),
            density_sd=single(self.density_sd),
            soft_sd=single(self.soft_sd),
            cortex_sd=single(self.cortex_sd),
            metal=single(self.metal),
            core=single(self.core),
            air=single(self.air),
            rim=single(self.rim),
            rim_per_mm=single(1 / self.rim_mm),
            wall_sd=single(self.wall_sd),
        )


def drawn_look(rng: np.random.Generator) -> Look:
    """Half look like CT, most others like MR, a few like nothing at all."""
    kind = rng.random()
    if kind < CT:
        return ct_look(rng)
    return mr_look(rng) if kind < CT + MR_LIKE else random_look(rng)


def ct_look(rng: np.random.Generator) -> Look:
    """HU: from porous to dense bone, with and without contrast, at any tube voltage."""
    tissues = _kinds()
    for name, tissue in TISSUES.items():
        code = CODES[name]
        spread = 3.0 + 0.08 * abs(tissue.ct_hu) if -950 < tissue.ct_hu < 400 else 0.0
        tissues[0, code] = tissue.ct_hu + rng.normal(0, spread)
        networked = name in BONY or name == "fat"
        tissues[1 if networked else 2, code] = tissue.texture_hu * rng.uniform(0.3, 1.6)
    mineral = float(rng.uniform(0, 1))  # porous to dense
    trabecular = float(-60 + 320 * mineral + rng.normal(0, 40))
    tissues[0, CODES["trabecular_bone"]] = trabecular
    tissues[0, CODES["dense_trabecular_bone"]] = trabecular + rng.uniform(0, 220)
    tissues[0, CODES["yellow_marrow"]] = rng.uniform(-110, 60)
    tissues[0, CODES["red_marrow"]] = rng.uniform(0, 120)
    tissues[1, [CODES[name] for name in BONY]] = rng.uniform(10, 120)
    # Arteries, in half of all scans with contrast; then veins have some of it.
    blood, arteries = float(rng.uniform(30, 60)), float(rng.uniform(90, 450))
    if rng.random() < 0.5:
        blood += (arteries - blood) * float(rng.random()) ** 2
    else:
        arteries = blood
    tissues[0, CODES["blood"]], tissues[0, CODES["blood_enhanced"]] = blood, arteries
    # Whatever was drunk or injected: bright, and no bone.
    tissues[2, CODES["bowel_content"]] = rng.uniform(5, 120)
    for name, often, most in (("bowel_content", 0.25, 600), ("water", 0.15, 900), ("synovial_fluid", 0.05, 400)):
        if rng.random() < often:
            tissues[0, CODES[name]] = rng.uniform(40, most)
    tissues[0, CODES["foam"]] = rng.uniform(-1000, -850)
    tissues[0, CODES["table_carbon"]] = rng.uniform(-700, 250)
    if rng.random() < 0.3:
        tissues[0, _TABLE] = -1000
    # Bone is brighter at low tube voltage; fat hardly changes.
    voltage = float(rng.uniform(0.85, 1.3))
    cortex = voltage * float(rng.uniform(650, 1150) + 750 * mineral * rng.random())
    bones = np.ones((3, 256), np.float32)
    bones[0, :_BONES] = voltage * rng.normal(1, 0.12, _BONES)
    bones[1, :_BONES] = cortex * rng.normal(1, 0.08, _BONES)
    bones[2, :_BONES] = np.exp(rng.normal(-0.8, 0.6)) * rng.normal(1, 0.1, _BONES)
    return Look(
        kind="ct",
        tissues=tissues,
        bones=bones,
        soft_by_bone=float(rng.uniform(20, 90)),
        least_wall_mm=float(rng.uniform(0.1, 1.1)),
        density_sd=float(rng.uniform(*(_EVEN_HU if rng.random() < 0.4 else _UNEVEN_HU))),
        soft_sd=float(rng.uniform(2, 12)),
        cortex_sd=float(rng.uniform(20, 160)),
        metal=float(rng.uniform(2500, 12000)),
        core=trabecular,
        air=-850.0,
        rim=float(rng.uniform(0, 250)),
        rim_mm=float(rng.uniform(1.5, 8)),
        wall_sd=float(rng.uniform(*_WALL_SD)),
    )


def mr_look(rng: np.random.Generator) -> Look:
    """Spin echoes of any weighting, with fat or without; the brightest tissue has about 1."""
    settings = MR(
        tr_ms=float(np.exp(rng.uniform(np.log(250), np.log(5000)))),
        te_ms=float(rng.uniform(8, 90)),
        fat_suppression=float(rng.choice([0.0, rng.uniform(0.5, 0.98)], p=[0.65, 0.35])),
        field_t=float(rng.choice([0.3, 1.5, 3.0])),
    )
    level = np.array([sum(signal(tissue, settings)) for tissue in TISSUES.values()], np.float32)
    level *= np.exp(rng.normal(0, 0.15, _COUNT)).astype(np.float32)
    # Fluid would leave nothing for all others.
    level /= np.sort(level)[-6]
    level[_TABLE] = 0
    level[CODES["air"]] = 0
    look = _relative(level, float(rng.uniform(0.02, 0.1)), rng)
    dark = float(rng.uniform(0.0, 0.12))
    bones = look.bones.copy()
    bones[1, :_BONES] = dark
    bones[0, :_BONES] = rng.normal(1, 0.06, _BONES)
    return replace(look, kind="mr", bones=bones, metal=0.0)


def random_look(rng: np.random.Generator) -> Look:
    """Any brightness for anything."""
    level = rng.uniform(0, 1, _COUNT).astype(np.float32)
    if rng.random() < 0.7:
        level[[CODES["air"], CODES["gas"], *_TABLE]] = rng.uniform(0, 0.1)
    # Tissues of a kind often look alike.
    for names in (("muscle", "skin", "tendon", "ligament", "meniscus"), ("trabecular_bone", "dense_trabecular_bone")):
        if rng.random() < 0.6:
            level[[CODES[name] for name in names]] = level[CODES[names[0]]] + rng.normal(0, 0.04, len(names))
    look = _relative(level, float(rng.uniform(0.01, 0.15)), rng)
    bones = look.bones.copy()
    bones[1, :_BONES] = rng.uniform(0, 1) + rng.normal(0, 0.05, _BONES)
    return replace(look, kind="random", bones=bones, metal=float(rng.uniform(0, 2)))


def _relative(level: Array, texture: float, rng: np.random.Generator) -> Look:
    """A look of brightnesses about 0 to 1."""
    tissues = _kinds()
    tissues[0, :_COUNT] = level
    for name in TISSUES:
        networked = name in BONY or name == "fat"
        tissues[1 if networked else 2, CODES[name]] = -texture * level[CODES[name]] * rng.uniform(0.3, 1.5)
    bones = np.ones((3, 256), np.float32)
    bones[2, :_BONES] = np.exp(rng.normal(-0.1, 0.35))
    soft = float(level[CODES["muscle" if rng.random() < 0.5 else "fat"]])
    return Look(
        kind="",
        tissues=tissues,
        bones=bones,
        soft_by_bone=soft,
        least_wall_mm=float(rng.uniform(0.1, 1.1)),
        density_sd=float(rng.uniform(0, 0.06)),
        soft_sd=float(rng.uniform(0, 0.05)),
        cortex_sd=float(rng.uniform(0, 0.04)),
        metal=0.0,
        core=float(level[CODES["trabecular_bone"]]),
        air=0.02,
        rim=float(rng.normal(0, 0.06)),
        rim_mm=float(rng.uniform(1.5, 8)),
        wall_sd=float(rng.uniform(*_WALL_SD)),
    )


def _kinds() -> Array:
    tissues = np.zeros((4, 256), np.float32)
    tissues[3, _BONY] = BONE
    tissues[3, CODES["growth_plate"]] = PLAIN_BONE
    tissues[3, CODES["titanium"]] = METAL
    return tissues
