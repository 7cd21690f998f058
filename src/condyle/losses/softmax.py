"""Softmax, of which only what losses ask for is kept: the log of what is right, and sums over space.

PyTorch's own operations would give the same numbers and gradients, but hold and fill several arrays of the size of the
logits, the largest of a training step; here it is one each way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def softmax_parts(logits: Tensor, channel: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
    """What is left of a softmax.

    Args:
        logits: (B, K, N).
        channel: The one that is right, int64 (B, N).
        known: Which voxels enter sums, bool (B, 1, N); None for all.

    Returns:
        Log-probability of the right channel (B, N), and the sum of each channel's probability (B, K).
    """
    parts: tuple[Tensor, Tensor] = _SoftmaxParts.apply(logits, channel[:, None], known)  # type: ignore[no-untyped-call]
    return parts


class _SoftmaxParts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, channel: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
        logs = torch.log_softmax(logits, 1)
        log_of_right = logs.gather(1, channel)[:, 0]
        probability = logs.exp_()
        ctx.save_for_backward(probability, channel, known)
        return log_of_right, (probability if known is None else probability * known).sum(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_log: Tensor, of_sum: Tensor) -> tuple[Tensor, None, None]:
        # With p the probabilities and t the right channel: d log p_t / d z_k = [k = t] - p_k and
        # d (sum_j w_j p_j) / d z_k = p_k (w_k - sum_j w_j p_j), where w is the gradient of the sums.
        probability, channel, known = ctx.saved_tensors
        mean = torch.zeros_like(probability[:, 0])
        for k in range(probability.shape[1]):
            mean.addcmul_(probability[:, k], of_sum[:, k, None])
        gradient = of_sum[:, :, None] - mean[:, None]
        if known is not None:
            gradient *= known
        gradient -= of_log[:, None]
        gradient *= probability
        gradient.scatter_add_(1, channel, of_log[:, None])
        return gradient, None, None
