"""Training on several devices or machines: every process takes its share of each batch.

`torchrun --nproc-per-node 2 ...` starts the processes and tells each its number through the variables that
`torch.distributed` reads; nothing else is needed.

The loss sees the whole batch. Each process runs the network on its share, the outputs are gathered, and every
process computes the same loss of all of them; what flows back is each one's own part of the gradient, and the
parts are added up. So any loss, Dice over the batch or voxels left out included, has the gradients it has on one
device. Only batch normalisation differs, whose statistics are those of the share.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from condyle.errors import ConfigError

#: How long processes wait for the first one, which also prepares data and tests on whole scans.
_PATIENCE = timedelta(days=1)


class World:
    """All processes of a training; this one alone unless a group is there.

    Attributes:
        rank: This process's number; 0 writes.
        size: How many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    def share(self, batch: int) -> range:
        """Which samples of a batch are this process's.

        Raises:
            ConfigError: if the batch cannot be shared evenly.
        """
        if batch % self.size:
            got, hint = f"{batch} samples", "Choose another batch."
            raise ConfigError("batch", expected=f"a multiple of the {self.size} processes", got=got, hint=hint)
        part = batch // self.size
        return range(self.rank * part, (self.rank + 1) * part)

    def gathered(self, x: Tensor) -> Tensor:
        """The tensor of every process, joined along the batch; each gets its own part of the gradient back."""
        if self.size == 1:
            return x
        joined: Tensor = _Gathered.apply(x, self)  # type: ignore[no-untyped-call]
        return joined

    def add_gradients(self, net: nn.Module) -> None:
        """Add up the gradients of all processes, in place: in one piece, which is faster than one by one."""
        if self.size == 1:
            return
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        whole = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(whole)
        parts = torch.split(whole, [g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def equalize(self, net: nn.Module) -> None:
        """Give every process the network of rank 0, running statistics included."""
        if self.size > 1:
            for tensor in net.state_dict().values():
                dist.broadcast(tensor, 0)

    def first(self, value: Any) -> Any:
        """What rank 0 has, for all: a time read from its clock, a decision, what it read from a file."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, 0)
        return box[0]

    def any(self, value: bool) -> bool:
        """Whether it holds for one process at least."""
        if self.size == 1:
            return value
        flag = torch.tensor(float(value), device=_device())
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)


@contextmanager
def world() -> Iterator[World]:
    """The processes that torchrun started, joined for as long as the block lasts; this one alone without torchrun.

    Each process takes the graphics card of its number on its machine, where there are any.
    """
    if not dist.is_available() or not dist.is_torchelastic_launched():
        yield World()
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(dist.get_node_local_rank())
    dist.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


class _Gathered(torch.autograd.Function):
    """Gathers forwards; backwards gives each process the gradient of its own part.

    Every process computes the same loss, so that the gradients that come back are already whole: nothing is added up.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, world: World) -> Tensor:
        ctx.part = slice(world.rank * len(x), (world.rank + 1) * len(x))
        # As bytes: not every kind of number can be sent.
        own = x.contiguous().view(torch.uint8)
        parts = [torch.empty_like(own) for _ in range(world.size)]
        dist.all_gather(parts, own)
        return torch.cat(parts).view(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0][ctx.part], None


def _device() -> torch.device:
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
