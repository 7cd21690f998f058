"""The named sets of augmentations, as lists of bricks.

`nnunet` and `da5` have nnU-Net 2.8's bricks, probabilities and limits (`nnUNetTrainer`, `nnUNetTrainerDA5`), in its
order, except that everything that moves voxels comes first: it is one matrix (see `turn`). `abdomen`, `limb` and
`views` are the V-Net, children's legs and low-field knee studies'; where these name no numbers, they are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

from condyle.augment.affine import Affine
from condyle.augment.blur import Blur
from condyle.augment.brick import Brick, OneOf, PerChannel, Sometimes
from condyle.augment.brightness import Brightness, Offset
from condyle.augment.contrast import Contrast
from condyle.augment.elastic import Elastic
from condyle.augment.gamma import Gamma
from condyle.augment.local import Gradient, LocalGamma
from condyle.augment.low_resolution import LowResolution
from condyle.augment.median import Median
from condyle.augment.noise import Noise
from condyle.augment.quarter import QuarterTurn, Transpose, Views
from condyle.augment.rectangles import Rectangles
from condyle.augment.sharpen import Sharpen
from condyle.augment.turn import Turn
from condyle.recipe import AugmentName


@dataclass(frozen=True)
class AugmentSet:
    """A list of bricks.

    Args:
        turns: What moves voxels of image and labels, in order.
        bricks: What changes intensities afterwards, in order.
        elastic: A deformation, if any.
        mirrors: Whether patches are mirrored, where that is safe.
    """

    turns: tuple[Turn, ...] = ()
    bricks: tuple[Brick, ...] = ()
    elastic: Elastic | None = None
    mirrors: bool = True


SETS: dict[AugmentName, AugmentSet] = {
    "nnunet": AugmentSet(
        turns=(Affine(p_rotation=0.2, p_scaling=0.2, scaling=(0.7, 1.4), reserve=1 / 0.85),),
        bricks=(
            Sometimes(0.1, Noise((0.0, 0.1))),
            Sometimes(0.2, PerChannel(Blur((0.5, 1.0)), p=0.5)),
            Sometimes(0.15, PerChannel(Brightness((0.75, 1.25)))),
            Sometimes(0.15, PerChannel(Contrast((0.75, 1.25)))),
            Sometimes(0.25, PerChannel(LowResolution((0.5, 1.0)), p=0.5)),
            Sometimes(0.1, PerChannel(Gamma((0.7, 1.5), inverted=True))),
            Sometimes(0.3, PerChannel(Gamma((0.7, 1.5)))),
        ),
    ),
    "da5": AugmentSet(
        turns=(
            Affine(p_rotation=0.4, p_scaling=0.2, scaling=(0.7, 1.43), p_axis=0.5, same=False, reserve=1 / 0.7),
            QuarterTurn(0.5),
            Transpose(0.5),
        ),
        bricks=(
            OneOf((
                Sometimes(0.2, PerChannel(Median((2, 8)), p=0.5)),
                Sometimes(0.2, PerChannel(Blur((0.3, 1.5), same=True), p=0.5)),
            )),
            Sometimes(0.1, Noise((0.0, 0.1))),
            Sometimes(0.1, PerChannel(Offset(0.5), p=0.5)),
            OneOf((
                Sometimes(0.2, PerChannel(Contrast((0.5, 2.0)), p=0.5)),
                Sometimes(0.2, PerChannel(Contrast((0.5, 2.0), keep_range=False), p=0.5)),
            )),
            Sometimes(0.15, PerChannel(LowResolution((0.25, 1.0)), p=0.5)),
            # Twice inverted, as there.
            Sometimes(0.1, PerChannel(Gamma((0.7, 1.5), inverted=True))),
            Sometimes(0.1, PerChannel(Gamma((0.7, 1.5), inverted=True))),
            Sometimes(0.4, PerChannel(Rectangles((1, 5)), p=0.5)),
            Sometimes(0.3, PerChannel(Gradient((1.0, 5.0)), p=0.5)),
            Sometimes(0.3, PerChannel(LocalGamma((0.01, 0.8), (1.5, 4.0)), p=0.5)),
            Sometimes(0.2, PerChannel(Sharpen((0.1, 1.0)), p=0.5)),
        ),
    ),
    "abdomen": AugmentSet(
        turns=(Affine(p_rotation=0.5, p_scaling=0.5, scaling=(0.85, 1.15), angle_deg=15, reserve=1.15),),
    ),
    "limb": AugmentSet(
        turns=(Affine(p_rotation=1.0, p_scaling=0.0, scaling=(1.0, 1.0), angle_deg=15),),
    ),
    "views": AugmentSet(turns=(Views(),), mirrors=False),
    "light": AugmentSet(
        turns=(Affine(p_rotation=0.2, p_scaling=0.2, scaling=(0.9, 1.1), angle_deg=10, reserve=1.1),),
        bricks=(
            Sometimes(0.1, Noise((0.0, 0.05))),
            Sometimes(0.15, PerChannel(Brightness((0.9, 1.1)))),
            Sometimes(0.15, PerChannel(Contrast((0.9, 1.1)))),
            Sometimes(0.15, PerChannel(Gamma((0.8, 1.25)))),
        ),
    ),
    "none": AugmentSet(mirrors=False),
}  # fmt: skip
