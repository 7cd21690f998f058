"""nnU-Net's `.pth` checkpoints, read without running anything.

A checkpoint is a pickle, and a pickle may ask for any function to be called. Here it is given tensors, plain values
and NumPy's numbers; a file that asks for more is refused before anything happens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condyle.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint tells, and its weights, which stay on disk until they are used.

    Args:
        weights: By nnU-Net's names.
        configuration: E.g. `3d_fullres`.
        trainer: Class name of the trainer.
        mirror: Axes along which it may be asked about mirrored patches.
    """

    weights: dict[str, Tensor]
    configuration: str
    trainer: str
    mirror: tuple[int, ...]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of nnU-Net v2.

    Raises:
        ModelError: if it asks for anything but data, is broken, or is not nnU-Net's.
    """
    content = _loaded(path)
    try:
        weights, arguments = content["network_weights"], content["init_args"]
        mirror = content.get("inference_allowed_mirroring_axes") or ()
        checkpoint = Checkpoint(
            dict(weights), arguments["configuration"], content["trainer_name"], tuple(int(axis) for axis in mirror)
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        got = f"no {error}" if isinstance(error, KeyError) else repr(error)
        raise ModelError(path, expected="a checkpoint of nnU-Net v2", got=got) from error
    texts = (checkpoint.configuration, checkpoint.trainer, *checkpoint.weights)
    if not all(isinstance(text, str) for text in texts) or not all(map(_is_tensor, checkpoint.weights.values())):
        raise ModelError(path, expected="a checkpoint of nnU-Net v2", got="values of other kinds")
    return checkpoint


def _loaded(path: Path) -> Any:
    import pickle

    import torch

    try:
        with torch.serialization.safe_globals(_numbers()):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise ModelError(
            path,
            expected="a checkpoint of tensors and plain values",
            got=f"one that asks for {asked[1]}" if asked else "one that asks for something else",
            hint="Nothing of it was run. Ask whoever made it for the weights alone.",
        ) from error
    except Exception as error:
        # PyTorch's reader lets out whatever its zip and pickle code meets in a broken file.
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(path, expected="a sound checkpoint", got=f"a broken or truncated one ({got})") from error


def _numbers() -> list[Any]:
    """NumPy's numbers, under the names that NumPy 1 and 2 write. Arrays and objects are not among them."""
    import numpy as np

    # The function by which NumPy has a number made again.
    scalar = np.float64().__reduce__()[0]
    kinds = [type(np.dtype(code)) for code in "?bhilqBHILQefd"]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return [*((scalar, name) for name in names), np.dtype, *set(kinds)]


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)
