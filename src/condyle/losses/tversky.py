"""Tversky loss (Salehi et al. 2017): Dice with a price of its own for what is missed and for what is too much."""

from __future__ import annotations

from torch import Tensor

from condyle.losses.compared import Compared
from condyle.losses.dice import SMOOTH

#: The paper's best for small structures: what is missed costs more than what is too much.
MISSED, TOO_MUCH = 0.7, 0.3


def tversky(compared: Compared, batch: bool = False) -> Tensor:
    """Of foreground channels, averaged; equal prices of 0.5 give `dice`."""
    sums = compared.sums.of(compared.foreground)
    if batch:
        sums = sums.over_batch()
    wrong = MISSED * (sums.true - sums.overlap) + TOO_MUCH * (sums.predicted - sums.overlap)
    return 1 - ((sums.overlap + SMOOTH) / (sums.overlap + wrong + SMOOTH)).mean()
