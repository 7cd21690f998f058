"""Networks for other programs: ONNX and OpenVINO, one network a fold.

A converted network takes windows of the plan's patch, one at a time: float32 (1, C, *patch) in, logits
(1, K, *patch) out. How a scan becomes windows, and logits labels, `plan.json` and `labels.json` beside it tell.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condyle.errors import ConfigError
from condyle.io.atomic import atomic_folder
from condyle.models.folder import write_tables
from condyle.models.model import Model

if TYPE_CHECKING:
    from torch import Tensor, nn


def convert(model: Model, folder: Path, kind: str, *, overwrite: bool = False) -> None:
    """Write a model's networks for another program, with what tells how to use them.

    Args:
        model: Its first stage, if it is a cascade, goes to the folder `before`.
        folder: Holds `fold_<k>.onnx`, or `fold_<k>.xml` and `.bin`; plan.json, labels.json, cleanup.json,
            record.json, recipe.json and card.md.
        kind: One of `KINDS`.
        overwrite: Whether to replace an earlier one.

    Raises:
        ConfigError: if the kind is not known, or the package that converts is not installed.
        DataError: if the folder exists and `overwrite` is false, or the disk refuses.
        ModelError: if weights cannot be read.
    """
    if kind not in KINDS:
        raise ConfigError("to", expected=f"one of {', '.join(KINDS)}", got=kind)
    with atomic_folder(folder, overwrite=overwrite, holds=(".json", ".md", ".onnx", ".xml", ".bin")) as temporary:
        _write(model, temporary, folder.name, kind)


def _write(model: Model, folder: Path, name: str, kind: str) -> None:
    import torch

    from condyle.nets.weights import load

    write_tables(model, folder, name)
    example = torch.zeros((1, model.plan.net.in_channels, *model.plan.patch))
    for fold in model.folds:
        net = load(model.plan.net, model.state(fold), f"fold {fold}")
        with torch.no_grad(), warnings.catch_warnings():
            # What these packages deprecate in each other is none of the user's business.
            warnings.simplefilter("ignore")
            KINDS[kind](net, example, folder / f"fold_{fold}")
    if model.before is not None:
        (folder / "before").mkdir()
        _write(model.before, folder / "before", f"{name}, first stage", kind)


def _onnx(net: nn.Module, example: Tensor, path: Path) -> None:
    import torch

    _needed("onnx", "onnxscript")
    with _quiet():
        program = torch.onnx.export(
            net, (example,), dynamo=True, input_names=["window"], output_names=["logits"], verbose=False
        )
        assert program is not None  # noqa: S101 - only the old exporter gives none
        program.save(path.with_suffix(".onnx"), external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch's exporter tells its steps on standard output, which belongs to results, and misses what it needs not."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def _openvino(net: nn.Module, example: Tensor, path: Path) -> None:
    import torch

    (openvino,) = _needed("openvino")
    converted = openvino.convert_model(torch.export.export(net, (example,)))
    openvino.save_model(converted, path.with_suffix(".xml"), compress_to_fp16=False)


#: A new kind is a function and a line here.
KINDS: dict[str, Callable[[nn.Module, Tensor, Path], None]] = {"onnx": _onnx, "openvino": _openvino}


def _needed(*names: str) -> list[Any]:
    """These packages, which are named as what installs them.

    Raises:
        ConfigError: if one is not installed.
    """
    from importlib import import_module

    try:
        return [import_module(name) for name in names]
    except ImportError as error:
        hint = f"Install it: pip install {' '.join(names)}."
        raise ConfigError(f"to: {names[0]}", expected=f"{error.name} to be installed", got="none", hint=hint) from error
