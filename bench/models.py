"""nnU-Net models of many shapes, read and run here and by nnU-Net itself: how far the results are apart.

No training is needed to see whether two programs compute the same: weights are at random. Notes tell the largest
difference of one window's logits, of the scan's probabilities, and the labels that differ. nnU-Net blends windows in
half precision; here it is given single precision, so that what remains is rounding.

A second stage is given the first's label map on its own grid, where a voxel may lie halfway between two labels or
hold three of which none has half. nnU-Net's rounding decides the first and it takes background for the second; here
it is the nearest and the heaviest label. A network at random makes much of such a voxel.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.random_models import FOLDER, SHAPES, Shape, make
from bench.random_models import scans as make_scans

Work = Callable[[], str]


@dataclass
class _NNUNet:
    """nnU-Net's predictor for one stage, with single-precision blending."""

    folder: Path

    def __post_init__(self) -> None:
        import torch
        from nnunetv2.inference import predict_from_raw_data as module

        if not isinstance(module.torch, SimpleNamespace):
            single = {name: getattr(torch, name) for name in dir(torch)} | {"half": torch.float32}
            module.torch = SimpleNamespace(**single)
            module.compute_gaussian = partial(module.compute_gaussian, dtype=torch.float32)
            module.compute_gaussian.cache_clear = lambda: None
        self.predictor = module.nnUNetPredictor(
            use_mirroring=False, perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False
        )
        self.predictor.initialize_from_trained_model_folder(str(self.folder), (0,))

    def __call__(self, scans: list[Path], found: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Labels (k, j, i) and probabilities (K, k, j, i)."""
        reader = self.predictor.plans_manager.image_reader_writer_class()
        image, properties = reader.read_images([str(scan) for scan in scans])
        previous = None if found is None else found[None].astype(np.float32)  # as its reader gives it
        return self.predictor.predict_single_npy_array(image, properties, previous, None, True)


def _theirs(shape: Shape, last: Path, scans: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    found = None
    for name in shape.configurations:
        labels, probabilities = _NNUNet(last.with_name(FOLDER.format(name)))(scans, found)
        found = labels
    return labels, probabilities


def _ours(model: Any, scans: list[Path]) -> tuple[Any, np.ndarray]:
    """Labels as a volume, probabilities (K, i, j, k)."""
    from condyle.io import read
    from condyle.nets.weights import load
    from condyle.predict.cascade import cascaded
    from condyle.predict.decide import Rule
    from condyle.predict.engine import EngineConfig, engine
    from condyle.predict.restore import restored_with_probabilities
    from condyle.predict.slide import Window, planes
    from condyle.prepare import prepare
    from condyle.space import Volume

    plan = model.plan
    found = None if model.before is None else _ours(model.before, scans)[0]
    prepared = prepare([read(scan) for scan in scans], plan, found)
    array = cascaded(prepared.array, prepared.labels, plan.cascade)
    net = engine(load(plan.net, model.state("0")), EngineConfig(), (1, plan.net.in_channels, *plan.patch))
    labels, p = restored_with_probabilities(
        planes(net, array, Window(plan.patch)),
        prepared.grid,
        prepared.source,
        Rule.of(model.labels, plan.regions),
        separate=prepared.separate,
    )
    return Volume(labels, prepared.source), p


def _window_difference(model: Any, folder: Path) -> float:
    """Of one window's logits."""
    import torch

    from condyle.nets.weights import load

    shape = (1, model.plan.net.in_channels, *model.plan.patch)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    predictor = _NNUNet(folder).predictor
    predictor.network.load_state_dict(predictor.list_of_parameters[0])
    with torch.inference_mode():
        return float((load(model.plan.net, model.state("0"))(x) - predictor.network.eval()(x)).abs().max())


def _condyle(shape: Shape) -> Work:
    from condyle.models import load

    folder = Path(tempfile.mkdtemp(prefix="condyle-bench-"))
    last, scans = make(shape, folder), make_scans(shape, folder)
    labels, probabilities = _theirs(shape, last, scans)
    model = load(last)
    window = _window_difference(model, last)

    def work() -> str:
        ours, p = _ours(model, scans)
        changed = int((labels != ours.array.T).sum())
        far = float(np.abs(np.transpose(p, (0, 3, 2, 1)) - probabilities).max())
        voxels = " ".join(str(n) for n in np.bincount(labels.ravel()))
        return f"logits {window:.1e}, probabilities {far:.1e}, labels {changed} of {labels.size} (voxels {voxels})"

    return work


def _exported(shape: Shape) -> Work:
    """Read here, written as ours, read again, written for nnU-Net, and run by nnU-Net."""
    from condyle.models import load, save
    from condyle.models.nnunet.export import export_nnunet

    folder = Path(tempfile.mkdtemp(prefix="condyle-bench-"))
    last, scans = make(shape, folder), make_scans(shape, folder)
    labels, probabilities = _theirs(shape, last, scans)
    save(load(last), folder / "ours")
    back = export_nnunet(load(folder / "ours"), folder / "back")

    def work() -> str:
        again, p = _theirs(shape, back, scans)
        changed, far = int((again != labels).sum()), float(np.abs(p - probabilities).max())
        return f"probabilities {far:.1e}, labels {changed} of {labels.size}"

    return work


def _nnunet(shape: Shape) -> Work:
    folder = Path(tempfile.mkdtemp(prefix="condyle-bench-"))
    last, scans = make(shape, folder), make_scans(shape, folder)
    return lambda: "voxels " + " ".join(str(n) for n in np.bincount(_theirs(shape, last, scans)[0].ravel()))


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    f"nnU-Net model: {name}": {
        "Condyle": partial(_condyle, shape),
        "nnU-Net 2.8.1": partial(_nnunet, shape),
        "nnU-Net 2.8.1, Condyle's export": partial(_exported, shape),
    }
    for name, shape in SHAPES.items()
}
