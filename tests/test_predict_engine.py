"""Engines give one answer, and the memory told is enough."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from condyle.config import NetConfig
from condyle.errors import ConfigError
from condyle.predict.engine import EngineConfig, engine, fingerprint
from condyle.predict.memory import estimate, weights_bytes, within
from condyle.predict.slide import Window, slide

PLAIN = NetConfig(
    kind="plain_unet",
    dim=3,
    in_channels=1,
    out_channels=26,
    features=(32, 64, 128, 256, 320, 320),
    kernels=((3, 3, 3),) * 6,
    strides=((1, 1, 1), *((2, 2, 2),) * 5),
    blocks=(2,) * 6,
    decoder_blocks=(2,) * 5,
)


def small_net() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv3d(2, 8, 3, padding=1), nn.InstanceNorm3d(8, affine=True), nn.LeakyReLU(0.01), nn.Conv3d(8, 3, 1)]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("batch", [1, 2])
def test_openvino_gives_torchs_scores_on_whole_scans(tmp_path, batch):
    pytest.importorskip("openvino")
    array = np.random.default_rng(0).normal(size=(2, 20, 14, 13)).astype(np.float32)
    window = Window((8, 8, 8), batch=batch)
    shape = (batch, 2, 8, 8, 8)
    net = small_net()
    reference = slide(engine(net, EngineConfig(), shape), array, window)
    for _ in ("converted", "from the cache"):
        converted = engine(net, EngineConfig(engine="openvino", cache=tmp_path), shape)
        assert slide(converted, array, window) == pytest.approx(reference, abs=1e-4)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".bin", ".xml"]


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_bf16_differs_by_its_digits_only(name):
    pytest.importorskip("openvino")
    x = torch.randn(1, 2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    fp32 = engine(small_net(), EngineConfig(), x.shape)(x)
    bf16 = engine(small_net(), EngineConfig(engine=name, precision="bf16"), x.shape)(x).float()
    assert (bf16 - fp32).abs().max() < 0.03 * fp32.abs().max()


def test_the_cache_knows_weights_layers_and_window():
    one, other = small_net(), small_net()
    assert fingerprint(one, (1, 2, 8, 8, 8)) == fingerprint(other, (1, 2, 8, 8, 8))
    assert fingerprint(one, (1, 2, 8, 8, 8)) != fingerprint(one, (1, 2, 8, 8, 16))
    with torch.no_grad():
        other[0].bias[0] += 1
    assert fingerprint(one, (1, 2, 8, 8, 8)) != fingerprint(other, (1, 2, 8, 8, 8))


def test_engines_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match="device cpu"):
        EngineConfig(engine="openvino", device="cuda")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="CUDA"):
            engine(small_net(), EngineConfig(device="cuda"), (1, 2, 8, 8, 8))


def test_planes_go_to_disk_when_memory_is_short():
    need = estimate((512, 512, 600), (600, 512, 512), PLAIN, Window((128, 128, 128)))
    assert within(need, 64).disk_gib == 0
    kept = within(need, 6)
    assert kept.planes_on_disk
    assert kept.peak_gib <= 6 < need.peak_gib
    with pytest.raises(ConfigError, match="at least"):
        within(need, 1)
    assert "of disk" in str(kept)


def test_probabilities_go_to_disk_before_the_planes_do():
    need = estimate((512, 512, 600), (600, 512, 512), PLAIN, Window((128, 128, 128)), probabilities=True)
    first = within(need, need.peak_gib - 1)
    assert (first.probabilities_on_disk, first.planes_on_disk) == (True, False)


def test_weights_are_counted_within_a_tenth():
    # nnU-Net's plain net of these features has 30.8 million weights; 4 bytes each, twice.
    net = replace(PLAIN, out_channels=3)
    assert weights_bytes(net) == pytest.approx(2 * 4 * 30.8e6, rel=0.1)


MEASURE = """
import sys
from pathlib import Path
import numpy as np
from condyle.predict.slide import Window, planes
array = np.ones((1, 64, 128, 128), np.float32)
resident = []
def net(x):
    resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * 4096)
    return x.expand(len(x), 32, *x.shape[2:])
window = Window((48, 32, 32), 1.0, skip_empty=False)
for _ in planes(net, array, window, scratch=Path(sys.argv[1])): pass
print((max(resident) - resident[0]) / 2**20)
"""


def test_planes_on_disk_do_not_count_as_memory(tmp_path):
    command = [sys.executable, "-c", MEASURE, str(tmp_path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    ring_mib = 32 * 48 * 128 * 128 * 4 / 2**20
    assert float(shown.stdout) < ring_mib / 2
