"""ResNet-34's ImageNet weights, from torchvision's own file on this disk, into the encoder of `resnet34_unet`."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import torch
from torch import Tensor

from condyle.errors import ModelError
from condyle.nets.resnet34_unet import ResNet34UNet
from condyle.nets.weights import faults

#: The first digits of the SHA-256 of torchvision's `resnet34-b627a593.pth`; its files carry them in their names.
SHA256 = "b627a593"
_CLASSIFIER = ("fc.weight", "fc.bias")


def load_imagenet(net: ResNet34UNet, path: Path, *, sha256: str = SHA256) -> None:
    """Put ImageNet weights into a network's encoder, in place. The decoder stays as it is.

    The network sees grey images where ResNet saw colour: with one input channel the first convolution gets the sum of
    the weights for red, green and blue, which on a grey image is the same. With n other than 3, each channel gets an
    nth of that sum.

    Args:
        net: A ResNet-34 U-Net.
        path: torchvision's `resnet34-b627a593.pth`.
        sha256: The file's SHA-256, or its first 8 digits or more.

    Raises:
        ModelError: if the file is not there, not the one expected, or of another network.
    """
    if not path.is_file():
        hint = "Download resnet34-b627a593.pth from https://download.pytorch.org/models/ and give its path."
        raise ModelError(path, expected="torchvision's ResNet-34 weights", got="no such file", hint=hint)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if len(sha256) < len(SHA256) or not digest.startswith(sha256.lower()):
        raise ModelError(path, expected=f"SHA-256 {sha256}", got=digest, hint="Fetch the file again.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(path, expected="a file of tensors", got=str(error).split("\n", maxsplit=1)[0]) from error
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise ModelError(path, expected="a table of tensors", got=type(state).__name__)
    known = net.encoder.state_dict()
    # Batches seen so far, which older files do not tell, play no part.
    counters = {name: tensor for name, tensor in known.items() if name.endswith("num_batches_tracked")}
    state = counters | {name: tensor for name, tensor in state.items() if name not in _CLASSIFIER}
    channels = known["conv1.weight"].shape[1]
    if channels != 3 and "conv1.weight" in state:
        grey = state["conv1.weight"].sum(1, keepdim=True)
        state["conv1.weight"] = grey.repeat(1, channels, 1, 1) / channels
    told = faults({name: tuple(tensor.shape) for name, tensor in known.items()}, state)
    if told:
        raise ModelError(path, expected="the weights of ResNet-34", got=told)
    net.encoder.load_state_dict(state)
