"""Engines give one answer, and the memory told is enough."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from condyle.config import NetConfig
from condyle.errors import ConfigError
from condyle.predict.engine import EngineConfig, StoredNet, engine
from condyle.predict.engines.calibrate import calibration_windows
from condyle.predict.engines.convert import converted
from condyle.predict.engines.openvino_engine import is_converted
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


def small_net(blocks: int = 1) -> nn.Module:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for c_in in (2, *[8] * (blocks - 1)):
        layers += [nn.Conv3d(c_in, 8, 3, padding=1), nn.InstanceNorm3d(8, affine=True), nn.LeakyReLU(0.01)]
    return nn.Sequential(*layers, nn.Conv3d(8, 3, 1))


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
    (kept,) = tmp_path.iterdir()
    assert sorted(p.name for p in kept.iterdir()) == ["model.bin", "model.xml"]


def test_openvino_keeps_torchs_digits_where_a_channel_lies_far_from_zero():
    pytest.importorskip("openvino")
    shape = (1, 2, 32, 48, 64)
    # So far from 0 that a sum in single precision, voxel by voxel, forgets what varies.
    x = 30 + torch.randn(shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = small_net().double()(x.double())
    scores = engine(small_net(), EngineConfig(engine="openvino"), shape)(x)
    assert (scores - expected).abs().max() < 1e-4 * (expected.max() - expected.min())


def test_a_normalisation_stays_one_operation_and_loses_the_bias_before_it():
    pytest.importorskip("openvino")
    model = converted(small_net(), (1, 2, 8, 8, 8))
    kinds = Counter(op.get_type_name() for op in model.get_ops())
    assert kinds["MVN"] == 1
    assert kinds["ReduceMean"] == 0
    # The last convolution's; the normalisation's own is 0.
    assert kinds["Add"] == 1


def test_what_has_been_converted_needs_no_weights(tmp_path):
    pytest.importorskip("openvino")
    shape = (1, 2, 8, 8, 8)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    config = EngineConfig(engine="openvino", cache=tmp_path)
    first = engine(StoredNet("weights of a file", small_net), config, shape)(x)

    def gone() -> nn.Module:
        raise AssertionError("weights were read")

    assert torch.equal(engine(StoredNet("weights of a file", gone), config, shape)(x), first)


CONVERT = """
import sys, torch
from pathlib import Path
from condyle.predict.engine import EngineConfig, engine
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.InstanceNorm3d(4, affine=True))
engine(net, EngineConfig(engine="openvino", cache=Path(sys.argv[1])), (1, 1, 8, 8, 8))(torch.zeros(1, 1, 8, 8, 8))
print("openvino_telemetry.main" in sys.modules)
"""


def test_two_processes_may_convert_at_once_and_openvino_reports_to_nobody(tmp_path):
    pytest.importorskip("openvino")
    command = [sys.executable, "-W", "error", "-c", CONVERT, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [run.communicate()[0] for run in both] == ["False\n", "False\n"]
    (kept,) = tmp_path.iterdir()
    assert sorted(p.name for p in kept.iterdir()) == ["model.bin", "model.xml"]


def test_int8_learns_from_windows_and_stays_near(tmp_path):
    pytest.importorskip("nncf")
    rng = np.random.default_rng(3)
    array = rng.normal(size=(2, 24, 16, 16)).astype(np.float32)
    array[:, 12:] *= 0.5
    windows = calibration_windows([array], (8, 8, 8), 3)
    # The half with structure is what it learns from.
    assert [w.shape for w in windows] == [(2, 8, 8, 8)] * 3
    assert min(float(w.std()) for w in windows) > 0.6
    shape = (2, 2, 8, 8, 8)
    window = Window((8, 8, 8), batch=2)
    reference = slide(engine(small_net(3), EngineConfig(), shape), array, window)
    config = EngineConfig(engine="auto", precision="int8", cache=tmp_path, calibration=windows)
    for _ in ("calibrated", "from the cache"):
        scores = slide(engine(small_net(3), config, shape), array, window)
        assert 0 < np.abs(scores - reference).max() < 0.1 * np.ptp(reference)
    other = replace(config, calibration=windows[:2])
    assert not is_converted(StoredNet.of(small_net(3)), shape, other)


def test_int8_without_windows_to_learn_from_is_refused():
    with pytest.raises(ConfigError, match="calibration windows"):
        EngineConfig(engine="openvino", precision="int8")
    with pytest.raises(ConfigError, match="fp32 or bf16 with torch"):
        EngineConfig(precision="int8", calibration=(np.zeros((2, 8, 8, 8), np.float32),))


def test_auto_converts_nothing_for_a_few_windows(tmp_path):
    config = EngineConfig(engine="auto", cache=tmp_path, windows=4)
    x = torch.randn(1, 2, 8, 8, 8, generator=torch.Generator().manual_seed(4))
    assert torch.equal(engine(small_net(), config, x.shape)(x), small_net()(x))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("faster", ["torch", "openvino"])
def test_auto_measures_once_and_remembers(tmp_path, faster):
    pytest.importorskip("openvino")
    config = EngineConfig(engine="auto", cache=tmp_path)
    shape = (1, 2, 8, 8, 8)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(5))
    assert engine(small_net(), config, shape)(x).shape == (1, 3, 8, 8, 8)
    (record,) = tmp_path.glob("*.json")
    assert set(json.loads(record.read_text())) == {"torch", "openvino"}
    # What it remembers is what it takes.
    record.write_text(json.dumps({"torch": 1, "openvino": 1, faster: 0.5}))
    by_name = engine(small_net(), EngineConfig(engine=faster), shape)(x)
    assert torch.equal(engine(small_net(), config, shape)(x), by_name)
    record.write_text("half a fi")
    engine(small_net(), config, shape)
    assert set(json.loads(record.read_text())) == {"torch", "openvino"}


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_bf16_differs_by_its_digits_only(name):
    pytest.importorskip("openvino")
    x = torch.randn(1, 2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    fp32 = engine(small_net(), EngineConfig(), x.shape)(x)
    bf16 = engine(small_net(), EngineConfig(engine=name, precision="bf16"), x.shape)(x).float()
    assert (bf16 - fp32).abs().max() < 0.03 * fp32.abs().max()


def test_the_cache_knows_weights_layers_and_window(tmp_path):
    pytest.importorskip("openvino")
    one, other = small_net(), small_net()
    assert StoredNet.of(one).key == StoredNet.of(other).key
    with torch.no_grad():
        other[0].bias[0] += 1
    assert StoredNet.of(one).key != StoredNet.of(other).key
    config = EngineConfig(engine="openvino", cache=tmp_path)
    engine(one, config, (1, 2, 8, 8, 8))
    assert is_converted(StoredNet.of(one), (1, 2, 8, 8, 8), config)
    assert is_converted(StoredNet.of(one), (1, 2, 8, 8, 8), replace(config, precision="bf16"))
    assert not is_converted(StoredNet.of(one), (1, 2, 8, 8, 16), config)
    assert not is_converted(StoredNet.of(other), (1, 2, 8, 8, 8), config)


def test_engines_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match="device cpu"):
        EngineConfig(engine="openvino", device="cuda")
    with pytest.raises(ConfigError, match="torch, to compile"):
        EngineConfig(engine="auto", compiled=True)
    if not torch.cuda.is_available():
        for name in ("torch", "auto"):
            with pytest.raises(ConfigError, match="CUDA"):
                engine(small_net(), EngineConfig(name, device="cuda"), (1, 2, 8, 8, 8))


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
