"""One minus the soft Dice of probabilities and target, averaged over channels.

`2 overlap / (predicted + true)`: with sums of probabilities (nnU-Net), or of their squares (V-Net,
Milletari et al. 2016). Per sample and then averaged, or over the batch as if it were one sample.
"""

from __future__ import annotations

from torch import Tensor

from condyle.losses.compared import Compared, Sums

#: Added to both sides of the fraction: a structure that is neither there nor predicted has a Dice of 1.
SMOOTH = 1e-5


def dice(compared: Compared, batch: bool = False) -> Tensor:
    """Of foreground channels, nnU-Net's."""
    return _loss(compared.sums.of(compared.foreground), batch)


def dice_present(compared: Compared, batch: bool = False) -> Tensor:
    """Of the foreground channels that the target holds: a patch that shows few of many says more of those."""
    sums = compared.sums.of(compared.foreground)
    if batch:
        sums = sums.over_batch()
    there = sums.true > 0
    return (_missed(sums) * there).sum() / there.sum().clamp(min=1)


def dice_squared(compared: Compared, batch: bool = False) -> Tensor:
    """Of foreground channels, with V-Net's squares in the denominator: the gradient does not fade near the optimum."""
    return _loss(compared.squared_sums.of(compared.foreground), batch)


def dice_of_all(compared: Compared, batch: bool = True) -> Tensor:
    """Of all channels, background too, over the batch whatever is asked: that of segmentation-models for Keras."""
    del batch
    return _loss(compared.sums, batch=True)


def _loss(sums: Sums, batch: bool) -> Tensor:
    if batch:
        sums = sums.over_batch()
    return _missed(sums).mean()


def _missed(sums: Sums) -> Tensor:
    return 1 - (2 * sums.overlap + SMOOTH) / (sums.predicted + sums.true + SMOOTH)
