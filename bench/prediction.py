"""Prediction beside nnU-Net: one window, a femur's four windows, and scores back to the scan.

The network is nnU-Net's plain 3D U-Net of 30.8 million weights as it plans it for scans of (133, 93, 199), at random.
All contenders of a stage have the same weights and input; notes tell how far their results are apart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
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


def _engine(name: str, precision: str, *, compiled: bool = False) -> Any:
    from condyle.predict.engine import EngineConfig, engine

    cache = Path(tempfile.mkdtemp(prefix="condyle-bench-"))
    config = EngineConfig(engine=name, precision=precision, compiled=compiled, cache=cache)
    return engine(_net(), config, (1, 1, *PATCH))


def _window(name: str, precision: str, *, compiled: bool = False) -> Work:
    import torch

    x = torch.from_numpy(_smooth(PATCH)[None, None])
    with torch.inference_mode():
        expected = _net()(x)
    run = _engine(name, precision, compiled=compiled)

    def work() -> str:
        scores = run(x).float()
        changed = float((scores.argmax(1) != expected.argmax(1)).float().mean())
        return f"largest difference {float((scores - expected).abs().max()):.1g}, labels changed {changed:.3%}"

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

    net, array = _engine(name, precision), _smooth(SCAN)[None]
    return lambda: _counts(decide(slide(net, array, Window(PATCH)), Rule((0, 1, 2))))


def _nnunet_scan() -> Work:
    import torch
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.network = _net()
    predictor.configuration_manager = SimpleNamespace(patch_size=list(PATCH))
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=3)
    predictor.allowed_mirroring_axes = None
    x = torch.from_numpy(_smooth(SCAN)[None])
    return lambda: _counts(predictor.predict_sliding_window_return_logits(x).argmax(0).numpy())


def _counts(labels: np.ndarray) -> str:
    return "voxels " + " ".join(str(n) for n in np.bincount(labels.ravel()))


def _scores() -> np.ndarray:
    """Five channels of a (225, 384, 384) scan with background in the lead."""
    from scipy.ndimage import zoom

    coarse = _smooth((5, 57, 96, 96))
    coarse[0] += 0.8
    return np.stack([zoom(channel, (225 / 57, 4, 4), order=1) for channel in coarse])


#: Stage to contender to its maker; ours first.
STAGES: dict[str, dict[str, Callable[[], Work]]] = {
    "one window (128, 96, 192), 30.8 M weights": {
        "Condyle, OpenVINO fp32": lambda: _window("openvino", "fp32"),
        "Condyle, OpenVINO bf16": lambda: _window("openvino", "bf16"),
        "Condyle, torch bf16": lambda: _window("torch", "bf16"),
        "Condyle, torch bf16 compiled": lambda: _window("torch", "bf16", compiled=True),
        "torch fp32 eager, nnU-Net's way": _eager_window,
    },
    "scan (133, 93, 199), 4 windows, no mirroring": {
        "Condyle, OpenVINO fp32": lambda: _scan("openvino", "fp32"),
        "Condyle, OpenVINO bf16": lambda: _scan("openvino", "bf16"),
        "nnU-Net 2.8.1": _nnunet_scan,
    },
}
