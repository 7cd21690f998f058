"""Prediction beside nnU-Net: one window, a femur's four windows, and scores back to the scan.

The network is nnU-Net's plain 3D U-Net of 30.8 million weights as it plans it for scans of (133, 93, 199), at random.
All contenders of a stage have the same weights and input; notes tell how far their results are apart. Labels of
random weights change more easily than a trained network's: `bench.prediction_paired` measures those.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

PATCH = (128, 96, 192)
SCAN = (133, 93, 199)

Work = Callable[[], str]


def _net() -> Any:
    """The network, the same at every call."""
    import torch

    from condyle.config import NetConfig
    from condyle.nets.build import build

    torch.manual_seed(0)
    stages = 6
    config = NetConfig(
        kind="plain_unet",
        dim=3,
        in_channels=1,
        out_channels=3,
        features=(32, 64, 128, 256, 320, 320),
        kernels=((3, 3, 3),) * stages,
        strides=((1, 1, 1), *((2, 2, 2),) * 4, (2, 1, 2)),
        blocks=(2,) * stages,
        decoder_blocks=(2,) * (stages - 1),
    )
    return build(config).eval()


def _smooth(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = gaussian_filter(noise, [2 if n > 40 else 0 for n in shape])
    return (smooth / smooth.std()).astype(np.float32)


def made_engine(name: str, precision: str, *, compiled: bool = False, device: str = "cpu") -> Any:
    """The network on one engine; int8 has seen other noise than it will be asked about."""
    from condyle.predict.engine import EngineConfig, engine

    cache = Path(tempfile.mkdtemp(prefix="condyle-bench-"))
    seen = tuple(_smooth(PATCH, seed)[None] for seed in (1, 2, 3)) if precision == "int8" else ()
    config = EngineConfig(name, precision, device, compiled=compiled, cache=cache, calibration=seen)
    return engine(_net(), config, (1, 1, *PATCH))


def _window(name: str, precision: str, *, compiled: bool = False, device: str = "cpu") -> Work:
    import torch

    x = torch.from_numpy(_smooth(PATCH)[None, None])
    with torch.inference_mode():
        expected = _net()(x)
    run = made_engine(name, precision, compiled=compiled, device=device)
    extent = float(expected.max() - expected.min())

    def work() -> str:
        scores = run(x).float().cpu()
        changed = float((scores.argmax(1) != expected.argmax(1)).float().mean())
        apart = float((scores - expected).abs().max()) / extent
        peak = f", {torch.cuda.max_memory_allocated() / 2**20:.0f} MiB of the card" if device == "cuda" else ""
        return f"largest difference {apart:.1g} of the range, labels changed {changed:.3%}{peak}"

    return work


def _eager_window() -> Work:
    import torch

    net, x = _net(), torch.from_numpy(_smooth(PATCH)[None, None])

    def work() -> str:
        with torch.inference_mode():
            return f"range {float(net(x).abs().max()):.3g}"

    return work


def _scan(name: str, precision: str) -> Work:
    from condyle.predict.decide import Rule, decide
    from condyle.predict.slide import Window, slide

    net, array = made_engine(name, precision), _smooth(SCAN)[None]
    return lambda: _counts(decide(slide(net, array, Window(PATCH)), Rule((0, 1, 2))))


def _nnunet_scan() -> Work:
    labels = nnunet_labels()
    return lambda: _counts(labels())


def nnunet_labels() -> Callable[[], np.ndarray]:
    """What nnU-Net's own sliding window makes of the same scan, on the CPU."""
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.network = _net()
    predictor.configuration_manager = SimpleNamespace(patch_size=list(PATCH))
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=3)
    predictor.allowed_mirroring_axes = None
    x = torch.from_numpy(_smooth(SCAN)[None])
    return lambda: predictor.predict_sliding_window_return_logits(x).argmax(0).numpy()


def _counts(labels: np.ndarray) -> str:
    return "voxels " + " ".join(str(n) for n in np.bincount(labels.ravel()))


def _scores() -> np.ndarray:
    """Five channels of a (225, 384, 384) scan with background in the lead."""
    from scipy.ndimage import zoom

    coarse = _smooth((5, 57, 96, 96))
    coarse[0] += 0.8
    return np.stack([zoom(channel, (225 / 57, 4, 4), order=1) for channel in coarse])


#: Stage to contender to its maker; ours first.
def _on_a_card() -> dict[str, Callable[[], Work]]:
    """Contenders on a graphics card, where there is one."""
    if importlib.util.find_spec("torch") is None or not Path("/dev/nvidiactl").exists():
        return {}
    ways = {"fp32": {}, "bf16": {}, "bf16 compiled": {"compiled": True}}
    return {
        f"Condyle, torch {way} on the card": partial(_window, "torch", way.split()[0], device="cuda", **more)
        for way, more in ways.items()
    }


#: Weights are never read: the converted network is known by its key.
START = """
import sys
from pathlib import Path
import torch
import condyle.workflow.segmentation.segmenter
from condyle.predict.engine import EngineConfig, StoredNet, engine
config = EngineConfig("openvino", cache=Path(sys.argv[1]))
shape = (1, 1, 16, 16, 16)
net = StoredNet("kept", lambda: torch.nn.Conv3d(1, 2, 3, padding=1))
engine(net, config, shape)(torch.zeros(shape))
"""


def _start() -> Work:
    return _command(sys.executable, "-c", START, tempfile.mkdtemp(prefix="condyle-bench-"))


def _command(*words: str) -> Work:
    def work() -> str:
        subprocess.run(words, check=True, capture_output=True)
        return ""

    return work


STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "one window (128, 96, 192), 30.8 M weights": {
        "Condyle, OpenVINO fp32": lambda: _window("openvino", "fp32"),
        "Condyle, OpenVINO bf16": lambda: _window("openvino", "bf16"),
        "Condyle, OpenVINO int8": lambda: _window("openvino", "int8"),
        "Condyle, torch bf16": lambda: _window("torch", "bf16"),
        "Condyle, torch bf16 compiled": lambda: _window("torch", "bf16", compiled=True),
        "torch fp32 eager, nnU-Net's way": _eager_window,
        **_on_a_card(),
    },
    "start, to a window of a kept network": {
        "Condyle, OpenVINO": _start,
        "nnU-Net 2.8.1, its help alone": lambda: _command("nnUNetv2_predict", "-h"),
    },
    "scan (133, 93, 199), 4 windows, no mirroring": {
        "Condyle, OpenVINO fp32": lambda: _scan("openvino", "fp32"),
        "Condyle, OpenVINO bf16": lambda: _scan("openvino", "bf16"),
        "Condyle, OpenVINO int8": lambda: _scan("openvino", "int8"),
        "nnU-Net 2.8.1": _nnunet_scan,
    },
}
