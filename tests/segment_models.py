"""Models whose answer is known: networks that look at one voxel at a time, with weights set by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from condyle.config import Channel, NetConfig, Plan
from condyle.labels import Labels
from condyle.models import Model
from condyle.nets.build import build
from condyle.space import Volume

LABELS = Labels.of({"femur": 1, "tibia": 2})


def pointwise_net(in_channels: int, out_channels: int) -> NetConfig:
    return NetConfig(
        kind="unet3d",
        dim=3,
        in_channels=in_channels,
        out_channels=out_channels,
        features=(2 * in_channels, 1),
        kernels=((1, 1, 1), (1, 1, 1)),
        strides=((1, 1, 1), (2, 2, 2)),
        blocks=(1, 1),
        decoder_blocks=(1,),
    )


def pointwise_state(weights: Sequence[Sequence[float]], bias: Sequence[float]) -> dict[str, torch.Tensor]:
    """Of a network that answers `weights @ x + bias` in every voxel.

    Each channel goes through the ReLUs twice, as it is and negated, and the head takes the difference.
    """
    matrix = torch.tensor(weights)
    n = matrix.shape[1]
    state = {k: torch.zeros_like(v) for k, v in build(pointwise_net(n, len(matrix))).state_dict().items()}
    for name in state:
        if name.endswith("norm.weight"):
            state[name] += 1
        if name.endswith("running_var"):
            state[name] += 1 - 1e-5
    eye = torch.eye(n)
    state["encoder.0.0.conv.weight"] = torch.cat([eye, -eye]).reshape(2 * n, n, 1, 1, 1)
    # The decoder takes what the skip connection brings, not what comes from below.
    both = torch.cat([torch.zeros(2 * n, 2 * n), torch.eye(2 * n)], 1)
    state["decoder.stages.0.0.conv.weight"] = both.reshape(2 * n, 4 * n, 1, 1, 1)
    state["decoder.heads.0.weight"] = torch.cat([matrix, -matrix], 1).reshape(len(matrix), 2 * n, 1, 1, 1)
    state["decoder.heads.0.bias"] = torch.tensor(bias)
    return state


#: Femur from 1 to 3, tibia above: the lines 0, x - 1 and 2 x - 4 cross at 1 and 3.
WEIGHTS, BIAS = ((0.0,), (1.0,), (2.0,)), (0.0, -1.0, -4.0)


def pointwise_model(
    weights: Sequence[Sequence[float]] = WEIGHTS,
    bias: Sequence[float] = BIAS,
    *,
    labels: Labels = LABELS,
    folds: int = 1,
    before: Model | None = None,
    **plan,
) -> Model:
    """Fold k answers with its bias raised by k/10, all channels alike; intensities are taken as they are."""
    channels = len(weights[0]) - len(plan.get("cascade", ()))
    values = {
        "net": pointwise_net(len(weights[0]), len(weights)),
        "channels": tuple(Channel(f"c{n}", "none") for n in range(channels)),
        "spacing_mm": (1.0, 1.0, 1.0),
        "patch": (16, 16, 16),
        "crop_nonzero": False,
    }
    states = {str(k): pointwise_state(weights, [b + 0.1 * k for b in bias]) for k in range(folds)}
    return Model(
        Plan(**{**values, **plan}),
        labels,
        {fold: lambda state=state: state for fold, state in states.items()},
        before=before,
    )


def knee_scan(shape=(16, 14, 12), spacing=(1.0, 1.0, 1.0), seed: int = 0) -> Volume:
    """A femur (2) over a tibia (4) in noise that no threshold takes for bone."""
    array = np.random.default_rng(seed).uniform(-0.4, 0.4, shape).astype(np.float32)
    i, j, k = shape
    array[i // 4 : i // 2, j // 4 : j // 2, k // 2 : -2] += 2
    array[i // 4 : i // 2, j // 4 : j // 2, 2 : k // 2] += 4
    return Volume.of(array, np.diag([*spacing, 1.0]))


def knee_labels(scan: Volume) -> np.ndarray:
    """What the model says of it."""
    return np.digitize(scan.array, (1, 3)).astype(np.uint8)
