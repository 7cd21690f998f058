"""Small models with random weights, made for the tests."""

from __future__ import annotations

import torch

from condyle.config import Channel, NetConfig, Plan
from condyle.labels import Labels
from condyle.models import Model
from condyle.nets.build import build


def net(**changes) -> NetConfig:
    values = {
        "kind": "plain_unet",
        "dim": 3,
        "in_channels": 1,
        "out_channels": 3,
        "features": (4, 8),
        "kernels": ((1, 3, 3), (3, 3, 3)),
        "strides": ((1, 1, 1), (1, 2, 2)),
        "blocks": (2, 1),
        "decoder_blocks": (2,),
        "deep_supervision": True,
    }
    return NetConfig(**{**values, **changes})


def plan(**changes) -> Plan:
    values = {
        "net": net(),
        "channels": (Channel("CT", "ct", False, 100.0, 50.0, -200.0, 1000.0),),
        "spacing_mm": (2.5, 0.7, 0.8),
        "patch": (8, 16, 16),
        "axes": (1, 2, 0),
        "mirror": (0, 2),
    }
    return Plan(**{**values, **changes})


def state(config: NetConfig, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights that differ from seed to seed."""
    generator = torch.Generator().manual_seed(seed)
    return {k: torch.randn(v.shape, generator=generator) for k, v in build(config).state_dict().items()}


def model(**changes) -> Model:
    """A CT model of two folds."""
    made = changes.pop("plan", plan())
    values = {
        "plan": made,
        "labels": Labels.of({"femur_left": 1, "femur_right": 2}),
        "weights": {str(fold): lambda seed=fold: state(made.net, seed) for fold in range(2)},
        "cleanup": ({"step": "largest", "label": "femur_left", "count": 1},),
        "record": {"cases": 12, "seconds": 3.5, "nested": {"dice": [0.9, None]}},
        "card": "# Femur\n\nLeft and right, für Tests.\n",
    }
    return Model(**{**values, **changes})


def cascade(**changes) -> Model:
    """A CT model of two stages; the second is given both structures that the first found."""
    first = plan(spacing_mm=(5.0, 1.4, 1.6))
    second = plan(net=net(in_channels=3), cascade=(1, 2))
    return model(**{"plan": second, "before": model(plan=first, card="# First stage\n"), **changes})
