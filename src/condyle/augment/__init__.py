"""Random changes of training patches: bricks, named sets of them, and mirroring that keeps left and right."""

from condyle.augment.augmentation import Augmentation, Drawn, build, sample_generator
from condyle.augment.mirror import Mirroring
from condyle.augment.sets import SETS, AugmentSet
from condyle.augment.warp import OUTSIDE

__all__ = ["OUTSIDE", "SETS", "AugmentSet", "Augmentation", "Drawn", "Mirroring", "build", "sample_generator"]
