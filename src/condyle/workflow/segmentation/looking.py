"""How a model's network is asked about changed looks at a scan: plainly, once a look."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from condyle.errors import ModelError
from condyle.models import Model
from condyle.predict.confidence.agreement import noted
from condyle.predict.confidence.looks import Ask, Image, LabelMap
from condyle.predict.decide import Rule, painted
from condyle.predict.ensemble import ensemble
from condyle.predict.mirror import mirrored_once, swapped_channels
from condyle.predict.net import Net
from condyle.predict.slide import Window, planes
from condyle.space import Grid, side_axis


def asker(model: Model, folds: Sequence[Net], window: Window, grid: Grid) -> Ask:
    """The mean of a model's folds, without mirrorings or views.

    Args:
        model: The model, of one stage.
        folds: Its networks.
        window: How it slides.
        grid: Of the prepared scan. A 2-D net that sees no left and right has nothing to exchange.
    """
    plan, net = model.plan, ensemble(folds)
    rule = Rule.of(model.labels, plan.regions)
    side, swap = side_axis(grid, plan.net.dim), swapped_channels(model.labels, plan.regions)

    def ask(image: Image, exchanged: bool) -> LabelMap:
        if exchanged and swap is None:
            alone = [s.name for s in model.labels.structures if s.side is not None and s.mirror is None]
            expected, got = "a partner for each structure that has a side", f"none for {', '.join(alone) or 'a region'}"
            raise ModelError("confidence.json: looks", expected=expected, got=got)
        across = mirrored_once(net, (side,), side=side, swap=swap) if exchanged and side is not None else net
        out = np.zeros(image.shape[1:], painted(rule).dtype)
        for _ in noted(planes(across, image, window), rule, out):
            pass
        return out

    return ask
