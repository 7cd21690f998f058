"""Segmentation networks: a family a file, `build.build` makes any of them from a `NetConfig`.

The contract of every network:

* **input** (B, C, *size), any size: the far end of each axis is padded with its border value to what the strides
  need, and cut off again. Sizes that the config's `divisor` divides are used as they are.
* **output** logits (B, K, *size), never a softmax or sigmoid. While training with deep supervision a tuple of logits,
  finest first, each coarser one on its stage's grid.
* **weights** are named by the attributes below; `weights.load` puts them in, `initial.initialize` draws them.

This folder needs PyTorch; nothing outside it is imported but settings and errors.
"""
