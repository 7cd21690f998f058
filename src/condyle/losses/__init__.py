"""Losses for training: a loss a file, `build.build` makes any of them by name.

The contract of every loss, where B is the batch, K the channels of the network:

* **logits** (B, K, *size), as the network gives them. Arithmetic is in single precision whatever they come in.
* **target** of classes: (B, *size), an integer type, the channel that is right. Of regions: (B, K, *size), bool,
  or a number type with 1 inside and 0 outside. `targets` makes both from label maps.
* **ignored voxels** hold `IGNORE` in the target, in every channel of one of regions. They do not enter the value,
  and their logits get a gradient of exactly 0.
* **value**: a scalar, 0 where the logits are perfect (nearly, for `dice_ce` and its like: logits are finite), larger
  where they are not; 0 too where every voxel is ignored. nnU-Net's Dice counts down to -1: its values are ours less 1.
"""
