"""An exponential average of a network's weights, which often segments better than the weights of any one step.

B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 1992.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

#: The average's reach is the steps so far over this.
_TENTH = 10


class Average:
    """The average of a network's weights, and of its running statistics, over its steps so far.

    It reaches back over about a tenth of the steps so far, and never further than 1 / (1 - decay) steps: what the
    network was at the beginning is soon forgotten, however short a training is. After the first step the average is
    that step; the initial weights weigh nothing.

    Args:
        net: The network.
        decay: Below 1. At 0 the average is the network itself, and nothing is kept.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self._net = net
        self._decay = decay
        self._steps = 0
        self._kept = {k: v.detach().clone() for k, v in _floats(net).items()} if decay else {}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        if self._kept:
            self._steps += 1
            share = max(1 - self._decay, _TENTH / (self._steps + _TENTH - 1))
            now = _floats(self._net)
            torch._foreach_lerp_(list(self._kept.values()), [now[k] for k in self._kept], share)

    def weights(self) -> dict[str, Tensor]:
        """The whole state of the network, averaged, on the CPU; later steps do not change it."""
        state = self._net.state_dict()
        if self._steps:
            state = {**state, **self._kept}
        return {k: v.detach().to("cpu", copy=True).contiguous() for k, v in state.items()}

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network has the averaged weights inside this block."""
        if not self._steps:
            yield
            return
        own = {k: v.detach().clone() for k, v in _floats(self._net).items()}
        _put(self._net, self._kept)
        try:
            yield
        finally:
            _put(self._net, own)

    def state(self) -> dict[str, object]:
        """What `restore` takes."""
        return {"steps": self._steps, "kept": self._kept}

    def restore(self, steps: int, kept: Mapping[str, Tensor]) -> None:
        """Go on from a `state`."""
        self._steps = steps
        for name, tensor in self._kept.items():
            tensor.copy_(kept[name])


def _floats(net: nn.Module) -> dict[str, Tensor]:
    """The network's own tensors, without counters."""
    return {k: v for k, v in net.state_dict().items() if v.is_floating_point()}


@torch.no_grad()
def _put(net: nn.Module, values: Mapping[str, Tensor]) -> None:
    for name, tensor in _floats(net).items():
        tensor.copy_(values[name])
