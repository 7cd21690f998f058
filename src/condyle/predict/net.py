"""What a predictor is to prediction: any function from tensor to tensor.

* **net**: takes windows (B, C, *patch) and gives **scores** (B, K, *patch): logits, one a class or region and
  voxel. It gets its input on the CPU and may answer from any device. Trained networks, converted ones, ensembles
  and toys of three lines are all the same to the rest of this folder.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.errors import DataError

Net = Callable[[Tensor], Tensor]

#: A window whose values span less than this is flat: air, or what normalisation clipped to one value.
_FLAT = 1e-5


class Answers:
    """Asks a net about windows; of a flat window it remembers the answer, for the next of the same value.

    Args:
        net: Any net.
        sees_planes: Whether it is 2-D; windows are (C, 1, j, k) all the same.
        skip_empty: Whether to remember.
    """

    def __init__(self, net: Net, *, sees_planes: bool, skip_empty: bool) -> None:
        self._net = net
        self._sees_planes = sees_planes
        self._skip_empty = skip_empty
        self._known: dict[tuple[float, ...], Tensor] = {}

    def __call__(self, windows: list[NDArray[np.float32]]) -> list[Tensor]:
        """Scores (K, i, j, k) of each window (C, i, j, k).

        Raises:
            DataError: if a window holds values that are not finite.
        """
        keys = [self._key(window) for window in windows]
        out = [self._known.get(key) if key is not None else None for key in keys]
        unknown = [n for n, scores in enumerate(out) if scores is None]
        if unknown:
            for n, scores in zip(unknown, self._ask([windows[n] for n in unknown]), strict=True):
                out[n] = scores
                key = keys[n]
                if key is not None:
                    # One answer only: they are large, and nearly all that is flat is air.
                    self._known = {key: scores}
        return [scores for scores in out if scores is not None]

    def _ask(self, windows: list[NDArray[np.float32]]) -> Tensor:
        asked = torch.from_numpy(np.stack(windows))
        scores = self._net(asked.squeeze(2) if self._sees_planes else asked).float()
        return scores.unsqueeze(2) if self._sees_planes else scores

    def _key(self, window: NDArray[np.float32]) -> tuple[float, ...] | None:
        """The value of each channel of a flat window, else None."""
        low, high = window.min(axis=(1, 2, 3)), window.max(axis=(1, 2, 3))
        if not np.isfinite(low + high).all():
            hint = "Look at it with `condyle info`; damaged voxels have to be replaced first."
            raise DataError("scan", expected="finite values everywhere", got="NaN or infinity", hint=hint)
        if not self._skip_empty or (high - low > _FLAT).any():
            return None
        return tuple(np.round(low, 5).tolist())
