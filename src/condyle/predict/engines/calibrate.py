"""Eight-bit integers: a converted network learns from real windows which range of values each layer sees.

Post-training quantisation by NNCF: weights a range a channel, activations a range a layer. The first and the last
convolution keep their digits: they are a hundredth of the work and do much of the damage. So do normalisations: what
they are given may vary little round a large value. NNCF's correction of biases is left out: a normalisation behind
the convolution takes a bias away.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.predict.engines.openvino_import import nncf
from condyle.predict.window import cut, starts


def calibrate(model: Any, windows: Sequence[NDArray[np.float32]]) -> Any:
    """The model with all convolutions but the outer ones in eight bits.

    Args:
        model: A converted network of a fixed input shape (B, C, *patch).
        windows: (C, *patch) each, of prepared scans of the kind that will come.

    Raises:
        ConfigError: if NNCF is not installed.
    """
    library = nncf()
    batch = model.input(0).get_shape()[0]
    shown = [np.stack([window] * batch) for window in windows]
    convolutions = [op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() == "Convolution"]
    library.set_log_level(logging.ERROR)
    with redirect_stdout(io.StringIO()):
        return library.quantize(
            model,
            library.Dataset(shown),
            subset_size=len(shown),
            preset=library.QuantizationPreset.MIXED,
            ignored_scope=library.IgnoredScope(names=[convolutions[0], convolutions[-1]], types=["MVN"]),
            advanced_parameters=library.AdvancedQuantizationParameters(disable_bias_correction=True),
        )


def calibration_windows(
    arrays: Sequence[NDArray[np.float32]], patch: Sequence[int], count: int = 10
) -> tuple[NDArray[np.float32], ...]:
    """Windows to calibrate with: of each scan as many, those with the most structure.

    Args:
        arrays: Prepared scans (C, *spatial).
        patch: Size of the windows, three axes; for a 2-D network with a 1 first.
        count: How many windows, at least one a scan.
    """
    each = max(1, count // max(1, len(arrays)))
    return tuple(window for array in arrays for window in _richest(array, patch, each))


def _richest(array: NDArray[np.float32], patch: Sequence[int], count: int) -> list[NDArray[np.float32]]:
    i, j, k = (starts(n, p) for n, p in zip(array.shape[1:], patch, strict=True))
    windows = [cut(array, (a, b, c), patch) for a in i for b in j for c in k]
    return sorted(windows, key=lambda window: -float(window.std()))[:count]
