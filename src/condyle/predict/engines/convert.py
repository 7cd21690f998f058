"""From PyTorch to OpenVINO, with instance normalisation as one operation, and as exact as PyTorch's.

OpenVINO's converter takes instance normalisation apart into eight operations, each of which walks over all voxels;
kept whole (MVN, mean-variance normalisation) it is fused with what follows, up to the activation. MVN sums a
million voxels one after the other in single precision, which costs a network of twenty layers four of its seven
digits. `with_exact_norms` sums row by row instead.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from condyle.predict.engines.openvino_import import openvino


def converted(net: nn.Module, shape: Sequence[int]) -> Any:
    """The network as an OpenVINO model of a fixed input shape.

    Args:
        net: With its weights.
        shape: (B, C, *patch).

    Raises:
        ConfigError: if OpenVINO is not installed.
    """
    ov = openvino()
    from openvino.frontend.pytorch.fx_decoder import TorchFXPythonDecoder

    with torch.no_grad(), warnings.catch_warnings():
        # What torch and OpenVINO deprecate in each other is none of the user's business.
        warnings.simplefilter("ignore")
        program = torch.export.export(net.eval(), (torch.zeros(tuple(shape)),))
        steps = torch.export.default_decompositions()
        del steps[torch.ops.aten.instance_norm.default]
        model = ov.convert_model(TorchFXPythonDecoder(program.run_decompositions(steps).module()))
    return _without_lost_biases(model)


def _without_lost_biases(model: Any) -> Any:
    """The model without biases that the next normalisation takes away again; they only cost digits."""
    for norm in _norms(model):
        add = norm.input_value(0).get_node()
        if add.get_type_name() != "Add":
            continue
        for summand, other in ((0, 1), (1, 0)):
            bias = add.input_value(summand)
            if bias.get_node().get_type_name() == "Constant" and set(list(bias.get_shape())[2:]) == {1}:
                norm.input(0).replace_source_output(add.input_value(other))
                break
    return model


def with_exact_norms(model: Any) -> Any:
    """The model with every instance normalisation summed row by row.

    Mean and mean square are sums along the last axis first, then along the others: partial sums are of one size, and
    rounding stays at six digits. It takes as many walks over the voxels as MVN does.

    Args:
        model: Is changed.
    """
    ov = openvino()
    op = ov.opset13
    for norm in _norms(model):
        x = norm.input_value(0)
        spatial = list(range(2, len(x.get_shape())))
        rows, rest = _axes(op, spatial[-1:]), _axes(op, spatial[:-1])
        row = op.constant(np.float32(1 / x.get_shape()[spatial[-1]]))
        mean = op.multiply(op.reduce_mean(op.reduce_sum(x, rows, True), rest, True), row)
        length = op.reduce_l2(x, rows, True)
        square = op.multiply(op.reduce_mean(op.multiply(length, length), rest, True), row)
        # Rounding must not make a variance of 0 negative.
        variance = op.maximum(op.subtract(square, op.multiply(mean, mean)), op.constant(np.float32(0)))
        deviation = op.sqrt(op.add(variance, op.constant(np.float32(norm.get_attributes()["eps"]))))
        whole = op.multiply(op.subtract(x, mean), op.divide(op.constant(np.float32(1)), deviation))
        for target in list(norm.output(0).get_target_inputs()):
            target.replace_source_output(whole.output(0))
    model.validate_nodes_and_infer_types()
    return model


def _axes(op: Any, axes: list[int]) -> Any:
    return op.constant(np.array(axes, np.int64))


def _norms(model: Any) -> list[Any]:
    """The instance normalisations of a model."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() == "MVN"]
