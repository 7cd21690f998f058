"""`python -m bench.prediction_paired`: speed in turns with nnU-Net, what precision does to labels, and memory.

* **speed**: the 30.8 million random weights of `bench.prediction`, both sides in one process, turn by turn, so that
  a slow minute of the machine hits both; medians. nnU-Net blends windows in half precision, which by itself changes
  .4 % of such a network's labels.
* **labels**: trained networks of `shared/nnunet_reference` beside the project, small ones; Dice of each structure
  with what fp32 torch finds. Calibrated on one scan, asked about the other.
* **memory**: a (512, 512, 600) scan, 25 labels, a small network; each side in a process of its own, nnU-Net's
  stopped at 20 GB of address space.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROUNDS = 3
REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "nnunet_reference"
LONG_SCAN = (600, 512, 512)
LIMIT_BYTES = 20 * 10**9


def speed() -> None:
    """Ours at three precisions and nnU-Net's sliding window, in turns."""
    from bench.prediction import PATCH, SCAN, _smooth, made_engine, nnunet_labels
    from condyle.predict.slide import Window, slide

    array = _smooth(SCAN)[None]
    nets = {precision: made_engine("openvino", precision) for precision in ("fp32", "bf16", "int8")}
    works = {"nnU-Net": nnunet_labels()}
    for precision, net in nets.items():
        works[precision] = lambda net=net: slide(net, array, Window(PATCH)).argmax(0)
    seconds: dict[str, list[float]] = {name: [] for name in works}
    labels: dict[str, np.ndarray] = {}
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.perf_counter()
            labels[name] = work()
            seconds[name].append(time.perf_counter() - start)
    print(f"scan {SCAN}, 30.8 M random weights, {ROUNDS} turns")
    slow = statistics.median(seconds["nnU-Net"])
    for name, each in seconds.items():
        took = statistics.median(each)
        same = float((labels[name] == labels["nnU-Net"]).mean())
        print(f"  {name}: {took:.2f} s, {slow / took:.2f} x, labels as nnU-Net's {same:.3%}")


def precision() -> None:
    """Dice with fp32 torch, of trained networks."""
    from condyle import models
    from condyle.io import read
    from condyle.nets.weights import load
    from condyle.predict.engine import EngineConfig, engine
    from condyle.predict.engines.calibrate import calibration_windows
    from condyle.predict.slide import Window, slide
    from condyle.prepare import prepare

    model = models.load(REFERENCE / "ct" / "nnUNetTrainer__nnUNetPlans__3d_fullres")
    learnt, asked = (
        prepare([read(REFERENCE / f"ct/images/case_{case}_0000.nii.gz")], model.plan).array for case in ("08", "09")
    )
    net, window = load(model.plan.net, model.state("0")), Window(model.plan.patch)
    shape = (1, model.plan.net.in_channels, *model.plan.patch)
    expected = slide(engine(net, EngineConfig(), shape), asked, window)
    print(f"labels, trained network of {model.plan.net.features} features")
    for name in ("fp32", "bf16", "int8"):
        seen = calibration_windows([learnt], model.plan.patch) if name == "int8" else ()
        got = slide(engine(net, EngineConfig("openvino", name, calibration=seen), shape), asked, window)
        apart = np.abs(got - expected).max() / np.ptp(expected)
        dice = [_dice(got.argmax(0) == i, expected.argmax(0) == i) for i in range(1, len(got))]
        print(f"  {name}: scores within {apart:.1g} of their range, Dice {', '.join(f'{d:.4f}' for d in dice)}")


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def memory() -> None:
    """Peak memory of both on a long scan."""
    print(f"memory, scan {LONG_SCAN}, 25 labels")
    for side in ("Condyle", "nnU-Net"):
        command = [sys.executable, "-m", "bench.prediction_paired", side]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        why = (shown.stderr.strip().splitlines() or ["killed"])[-1]
        told = shown.stdout.strip().splitlines()[-1] if shown.returncode == 0 else f"stopped at 20 GB ({why})"
        print(f"  {side}: {told}")


def long_scan(side: str) -> None:
    """One side on the long scan; prints its peak. To be called in a process of its own."""
    import resource

    import torch

    from condyle.config import NetConfig
    from condyle.nets.build import build

    if side == "nnU-Net":
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    strides = ((1, 1, 1), (2, 2, 2), (2, 2, 2))
    config = NetConfig("plain_unet", 3, 1, 26, (4, 8, 16), ((3, 3, 3),) * 3, strides, (1,) * 3, (1,) * 2)
    torch.manual_seed(0)
    net, patch = build(config).eval(), (128, 128, 128)
    rng = np.random.default_rng(0)
    array = rng.normal(size=(1, *LONG_SCAN)).astype(np.float32)
    start = time.perf_counter()
    told = _ours(net, config, patch, array) if side == "Condyle" else _theirs(net, patch, array)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{peak:.1f} GiB at its peak, {time.perf_counter() - start:.0f} s{told}")


def _ours(net, config, patch, array) -> str:
    from condyle.predict.decide import Rule
    from condyle.predict.engine import EngineConfig, engine
    from condyle.predict.memory import estimate, within
    from condyle.predict.restore import restored_labels
    from condyle.predict.slide import Window, planes
    from condyle.space import Grid

    window, grid = Window(patch, step=1.0), Grid(LONG_SCAN, np.eye(4))
    need = within(estimate(LONG_SCAN, LONG_SCAN, config, window), 6)
    run = engine(net, EngineConfig(), (1, 1, *patch))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) if need.planes_on_disk else None
        scores = planes(run, array, window, scratch=scratch)
        restored_labels(scores, grid, grid, Rule(tuple(range(26))))
    return f" (estimated {need.peak_gib:.1f}, planes on disk: {need.planes_on_disk})"


def _theirs(net, patch, array) -> str:
    from types import SimpleNamespace

    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(tile_step_size=1.0, use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.network = net
    predictor.configuration_manager = SimpleNamespace(patch_size=list(patch))
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=26)
    predictor.allowed_mirroring_axes = None
    predictor.predict_sliding_window_return_logits(torch.from_numpy(array)).argmax(0)
    return " (scores and labels on the network's grid only)"


if __name__ == "__main__":
    if len(sys.argv) == 2:
        long_scan(sys.argv[1])
    else:
        speed()
        if REFERENCE.is_dir():
            precision()
        memory()
