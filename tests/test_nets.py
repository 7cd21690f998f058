"""Networks: one contract for every family, and what each of them promises on its own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from condyle.config import NetConfig, from_json, to_json
from condyle.errors import ConfigError, ModelError

torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file
load_file = pytest.importorskip("safetensors.torch").load_file

from condyle.nets import presets  # noqa: E402 - these need torch
from condyle.nets.any_size import padded_size  # noqa: E402
from condyle.nets.build import FAMILIES, build  # noqa: E402
from condyle.nets.count import count  # noqa: E402
from condyle.nets.imagenet import load_imagenet  # noqa: E402
from condyle.nets.initial import initialize  # noqa: E402
from condyle.nets.nnunet_names import from_nnunet, to_nnunet  # noqa: E402
from condyle.nets.residual_unet import ResidualBlock  # noqa: E402
from condyle.nets.resnet34_unet import KERNELS, STRIDES  # noqa: E402
from condyle.nets.unet2d import Up  # noqa: E402
from condyle.nets.vnet import ResidualStage  # noqa: E402
from condyle.nets.weights import load  # noqa: E402
from condyle.training import freeze  # noqa: E402


def small(kind: str, dim: int = 3, channels: tuple[int, int] = (2, 3), **changes: object) -> NetConfig:
    """A tiny, lopsided network of a family."""
    if kind == "resnet34_unet":
        parts = {
            "features": (2, 4, 4, 8, 8, 8),
            "kernels": KERNELS,
            "strides": STRIDES,
            "blocks": (1, 1, 2, 1, 2, 1),
            "decoder_blocks": (2, 1, 2, 1, 2),
        }
        dim = 2
    else:
        dim = {"unet3d": 3, "vnet": 3, "unet2d": 2}.get(kind, dim)
        parts = {
            "features": (4, 6, 6),
            "kernels": ((1, 3, 3)[-dim:], (3,) * dim, (3,) * dim),
            "strides": ((1,) * dim, (2,) * dim, (1, 2, 2)[-dim:]),
            "blocks": (1, 2, 3),
            "decoder_blocks": (2, 1),
        }
    return NetConfig(kind=kind, dim=dim, in_channels=channels[0], out_channels=channels[1], **(parts | changes))


EVERY = [pytest.param(small(kind, dim), id=f"{kind}-{dim}d") for kind in FAMILIES for dim in FAMILIES[kind].dims]
DEEP = [
    pytest.param(small(kind, dim, deep_supervision=True), id=f"{kind}-{dim}d")
    for kind in FAMILIES
    for dim in FAMILIES[kind].dims
    if FAMILIES[kind].deepens
]
NNUNET = [
    pytest.param(small(kind, dim), id=f"{kind}-{dim}d") for kind in ("plain_unet", "residual_unet") for dim in (2, 3)
]


def made(config: NetConfig, seed: int = 0):
    net = build(config)
    initialize(net, torch.Generator().manual_seed(seed))
    return net


def waves(*shape: int):
    """The same input anywhere: sin(0.37 n)."""
    return torch.sin(torch.arange(int(np.prod(shape)), dtype=torch.float64) * 0.37).float().reshape(shape)


def logits(net, x):
    with torch.no_grad():
        return net.eval()(x)


# The contract


@pytest.mark.parametrize("config", EVERY)
def test_logits_have_the_size_of_the_image_whatever_it_is(config):
    net = made(config)
    for size in ((1, 1, 1), (3, 13, 7), (8, 16, 32)):
        x = waves(2, config.in_channels, *size[: config.dim])
        for mode in (True, False):
            y = net.train(mode)(x)
            assert y.shape == (2, config.out_channels, *size[: config.dim])
            assert y.isfinite().all()


@pytest.mark.parametrize("config", EVERY)
@pytest.mark.parametrize("channels", [(1, 1), (5, 2)])
def test_any_number_of_channels(config, channels):
    config = dataclasses.replace(config, in_channels=channels[0], out_channels=channels[1])
    x = waves(1, channels[0], *config.divisor)
    assert logits(made(config), x).shape == (1, channels[1], *config.divisor)


@pytest.mark.parametrize("config", EVERY)
def test_logits_are_not_probabilities(config):
    y = logits(made(config), waves(1, config.in_channels, *(2 * d for d in config.divisor)))
    assert y.min() < 0
    assert not torch.allclose(y.sum(1), torch.ones(()), atol=0.1)


@pytest.mark.parametrize("config", EVERY)
def test_an_indivisible_image_is_continued_by_its_border(config):
    net = made(config)
    size = tuple(2 * d - 1 for d in config.divisor)
    x = waves(1, config.in_channels, *size)
    margin = [end for n, d in zip(size, config.divisor, strict=True) for end in (-n % d, 0)][::-1]
    whole = logits(net, torch.nn.functional.pad(x, margin, mode="replicate"))
    assert torch.equal(logits(net, x), whole[(..., *[slice(n) for n in size])])


def test_padding_is_the_least_that_leaves_two_voxels_at_the_coarsest_stage():
    assert padded_size((9, 16), (8, 8)) == (16, 16)
    assert padded_size((24, 8), (8, 8)) == (24, 8)
    assert padded_size((3, 8), (8, 8)) == (8, 16)


@pytest.mark.parametrize("config", [*EVERY, *DEEP])
def test_every_weight_learns(config):
    net = made(config).train()
    outputs = net(waves(2, config.in_channels, *(2 * d for d in config.divisor)))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    sum(y.square().mean() for y in outputs).backward()
    # Heads that deep supervision alone would use are there but idle without it.
    idle = {name for name, p in net.named_parameters() if p.grad is None}
    assert all(name.startswith("decoder.heads.0.") for name in idle)
    assert not (idle and config.deep_supervision)


@pytest.mark.parametrize("config", DEEP)
def test_deep_supervision_gives_a_tuple_in_training_finest_first(config):
    net = made(config)
    size = (5, 14, 11)[: config.dim]
    outputs = net.train()(waves(2, config.in_channels, *size))
    stride = np.array(config.strides[1])
    assert [y.shape[2:] for y in outputs] == [size, tuple(-(-np.array(size) // stride))]
    assert isinstance(logits(net, waves(2, config.in_channels, *size)), torch.Tensor)


@pytest.mark.parametrize("config", EVERY)
def test_saved_and_loaded_it_computes_the_same(config, tmp_path):
    net = made(config)
    x = waves(2, config.in_channels, *(2 * d for d in config.divisor))
    net.train()(x)  # moves running statistics
    save_file(net.state_dict(), tmp_path / "weights.safetensors")
    same = from_json(NetConfig, json.loads(json.dumps(to_json(config))), "net")
    loaded = load(same, load_file(tmp_path / "weights.safetensors"))
    assert not loaded.training
    assert torch.equal(logits(loaded, x), logits(net, x))


@pytest.mark.parametrize("config", EVERY)
def test_bfloat16_is_near_float32(config):
    net = made(config)
    x = waves(1, config.in_channels, *(4 * d for d in config.divisor))
    exact = logits(net, x)
    with torch.autocast("cpu", torch.bfloat16):
        near = logits(net, x)
    assert near.dtype == torch.bfloat16
    assert (near.float() - exact).abs().mean() < 0.03 * exact.std()


@pytest.mark.parametrize("config", EVERY)
def test_the_exported_program_computes_the_same(config):
    net = made(config).eval()
    x = waves(1, config.in_channels, *(d + 1 for d in config.divisor))
    program = torch.export.export(net, (x,))
    assert torch.allclose(program.module()(x), logits(net, x), atol=1e-6)


# Initial weights


@pytest.mark.parametrize("config", EVERY)
def test_initial_weights_follow_from_the_generator_alone(config):
    net, other = made(config, seed=1), made(config, seed=2)
    other.train()(waves(2, config.in_channels, *(2 * d for d in config.divisor)))  # leaves a trace in the statistics
    before = torch.get_rng_state()
    initialize(other, torch.Generator().manual_seed(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(net.parameters(), made(config, seed=2).parameters(), strict=True))


def test_convolutions_start_as_he_normal_for_slope_one_hundredth():
    state = made(small("plain_unet", features=(64, 32, 16))).state_dict()
    for name, fan_in in (("encoder.1.0.conv.weight", 64 * 27), ("decoder.ups.1.weight", 64 * 8)):
        assert state[name].std().item() == pytest.approx((2 / (1 + 1e-4) / fan_in) ** 0.5, rel=0.02)
    assert not state["encoder.1.0.conv.bias"].any()


def test_residual_blocks_start_as_their_shortcut():
    block = ResidualBlock(4, 4, (3, 3), (1, 1))
    initialize(block, torch.Generator().manual_seed(0))
    x = waves(1, 4, 8, 8)
    assert torch.allclose(block(x), torch.nn.functional.leaky_relu(x, 0.01))


# Parameter counts


@pytest.mark.parametrize(
    ("name", "channels", "total", "with_statistics"),
    [
        ("knee-unet3d", (1, 1), 90_292_673 + 23_552 // 2, 90_316_225),
        ("limb-unet2d", (1, 5), 31_030_853, 31_030_853),
        # torchvision's encoder instead of Keras's: 777 fewer than 24,456,734 (see the module); grey saves 6,272 more.
        ("limb-resnet34", (3, 5), 24_436_949, 24_456_734 - 777),
        ("limb-resnet34", (1, 5), 24_436_949 - 6_272, 24_456_734 - 777 - 6_272),
        ("abdomen-vnet", (1, 5), 65_175_413, 65_175_413),
    ],
)
def test_parameter_counts_are_the_sources(name, channels, total, with_statistics):
    with torch.device("meta"):
        counts = count(build(presets.preset(name, *channels)))
    assert (counts.total, counts.with_statistics) == (total, with_statistics)


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_builds_and_travels_as_json(name):
    config = presets.preset(name, 2, 4)
    with torch.device("meta"):
        build(config)
    assert from_json(NetConfig, json.loads(json.dumps(to_json(config))), "net") == config


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="knee-unet3d"):
        presets.preset("knee", 1, 1)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (small("vnet", deep_supervision=True), "no deep supervision"),
        (small("plain_unet", strides=((2, 2, 2), (2, 2, 2), (1, 2, 2))), "stride 1"),
        (small("plain_unet", kernels=((2, 3, 3), (3, 3, 3), (3, 3, 3))), "odd"),
        (small("resnet34_unet", kernels=((3, 3),) * 6), "ResNet's"),
        (NetConfig("unet3d", 2, 1, 2, (4, 4), ((3, 3),) * 2, ((1, 1), (2, 2)), (1, 1), (1,)), "dim 3"),
    ],
)
def test_a_network_that_cannot_be_is_refused(config, why):
    with pytest.raises(ConfigError, match=why):
        build(config)


# Weights of another network


def test_weights_of_another_network_are_told_apart_by_name_and_shape():
    config = small("plain_unet")
    state = made(config).state_dict()
    for other, told in (
        (
            dataclasses.replace(config, in_channels=1),
            r"of another shape: encoder\.0\.0\.conv\.weight \(4, 2, 1, 3, 3\)",
        ),
        (dataclasses.replace(config, blocks=(1, 2, 4)), r"missing: encoder\.2\.3\.conv\.weight, .* and 1 more"),
        (dataclasses.replace(config, blocks=(1, 2, 2)), r"left over: encoder\.2\.2\.conv\.weight"),
    ):
        with pytest.raises(ModelError, match=told) as caught:
            load(other, state, "fold_0.safetensors")
        assert caught.value.where == "fold_0.safetensors"


def test_weights_that_are_not_numbers_are_refused():
    config = small("unet2d")
    state = made(config).state_dict()
    state["head.bias"] = torch.full((3,), torch.nan)
    with pytest.raises(ModelError, match=r"not finite: head\.bias"):
        load(config, state)


# nnU-Net


@pytest.mark.parametrize("config", NNUNET)
def test_nnunet_names_and_back_are_the_same_weights(config):
    state = made(config).state_dict()
    theirs = to_nnunet(state, config)
    assert "decoder.encoder.stages" in " ".join(theirs)
    wrapped = {f"module._orig_mod.{name}": tensor for name, tensor in theirs.items()}
    back = from_nnunet(wrapped, config)
    assert list(back) == list(state)
    assert all(torch.equal(back[name], state[name]) for name in state)


def test_an_nnunet_shortcut_is_entry_one_behind_its_pooling():
    config = small("residual_unet", strides=((1, 1, 1), (1, 1, 1), (1, 2, 2)), features=(4, 6, 8))
    names = to_nnunet(made(config).state_dict(), config)
    assert "encoder.stages.1.blocks.0.skip.0.conv.weight" in names
    assert "encoder.stages.2.blocks.0.skip.1.all_modules.0.weight" in names


def test_nnunet_weights_that_do_not_fit_are_refused():
    config = small("plain_unet")
    theirs = to_nnunet(made(config).state_dict(), config)
    with pytest.raises(ModelError, match="left over: extra"):
        from_nnunet(theirs | {"extra": torch.zeros(1)}, config, "checkpoint_final.pth")
    with pytest.raises(ModelError, match="copies of it that differ"):
        from_nnunet(theirs | {"encoder.stages.0.0.convs.0.all_modules.0.weight": torch.zeros(4, 2, 1, 3, 3)}, config)
    with pytest.raises(ModelError, match="missing"):
        from_nnunet({}, config)
    with pytest.raises(ConfigError, match="vnet"):
        from_nnunet({}, small("vnet"))


# Logits of nnunetv2 2.8.1 for its checkpoints: `get_network_from_plans` with the plans' architecture, the checkpoint's
# `network_weights`, eval(), the input waves(1, C, *size); every (size // 7)th logit in C order, and the extremes.
GOLDEN = {
    "ct/nnUNetTrainer__nnUNetPlans__2d/fold_0": (
        (1, 48, 48),
        [7.06675, 7.10807, -3.53025, -3.82494, -4.71463, -3.26272, -2.97658, -11.39911, 11.58295],
    ),
    "ct/nnUNetTrainer__nnUNetPlans__3d_fullres/fold_0": (
        (1, 48, 48, 48),
        [13.69353, 12.08328, 9.09869, -11.65396, -8.99574, -8.48517, -8.60087, -21.64198, 14.76140],
    ),
    "ct/nnUNetTrainer__nnUNetPlans__3d_fullres/fold_1": (
        (1, 48, 48, 48),
        [15.78589, 10.7816, 10.78446, -7.36881, -6.90397, -0.48512, -7.52438, -16.96212, 19.66465],
    ),
    "mr/nnUNetTrainer__nnUNetResEncUNetMPlans__3d_fullres/fold_0": (
        (2, 12, 48, 48),
        [-23.93274, -15.14398, 0.03745, -9.47446, -5.6365, -10.29105, -15.83852, -31.24672, 7.55917],
    ),
}


@pytest.mark.parametrize("model", GOLDEN)
def test_an_nnunet_checkpoint_gives_nnunets_own_logits(model, shared_nnunet):
    shape, expected = GOLDEN[model]
    folder = shared_nnunet / model
    plans = json.loads((folder.parent / "plans.json").read_text(encoding="utf-8"))
    arch = plans["configurations"][folder.parent.name.split("__")[-1]]["architecture"]["arch_kwargs"]
    config = NetConfig(
        kind="residual_unet" if "n_blocks_per_stage" in arch else "plain_unet",
        dim=len(shape) - 1,
        in_channels=shape[0],
        out_channels=2 if model.startswith("mr") else 3,
        features=tuple(arch["features_per_stage"]),
        kernels=tuple(map(tuple, arch["kernel_sizes"])),
        strides=tuple(map(tuple, arch["strides"])),
        blocks=tuple(arch.get("n_blocks_per_stage") or arch["n_conv_per_stage"]),
        decoder_blocks=tuple(arch["n_conv_per_stage_decoder"]),
    )
    scalars = [np._core.multiarray.scalar, np.dtype, type(np.dtype("f8")), type(np.dtype("f4"))]
    with torch.serialization.safe_globals(scalars):
        checkpoint = torch.load(folder / "checkpoint_final.pth", map_location="cpu", weights_only=True)
    theirs = checkpoint["network_weights"]
    ours = from_nnunet(theirs, config)
    assert set(to_nnunet(ours, config)) == set(theirs)
    y = logits(load(config, ours), waves(1, *shape)).flatten()
    got = torch.cat([y[:: len(y) // 7][:7], y.min()[None], y.max()[None]])
    assert np.allclose(got, expected, atol=1e-4, rtol=1e-5)


# ResNet-34


def imagenet_file(path: Path, config: NetConfig) -> str:
    """torchvision's file in small: an encoder for colour and its classifier. Returns its SHA-256."""
    state = made(dataclasses.replace(config, in_channels=3)).encoder.state_dict()
    torch.save(state | {"fc.weight": torch.zeros(10, 8), "fc.bias": torch.zeros(10)}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_imagenet_weights_see_a_grey_image_as_they_would_in_colour(channels, tmp_path):
    config = small("resnet34_unet", channels=(channels, 3))
    digest = imagenet_file(tmp_path / "resnet34.pth", config)
    net, colour = made(config, seed=5), made(dataclasses.replace(config, in_channels=3))
    load_imagenet(net, tmp_path / "resnet34.pth", sha256=digest[:12].upper())
    x = waves(1, 1, 64, 64)
    grey = net.eval().encoder(x.repeat(1, channels, 1, 1))
    assert torch.allclose(grey[-1], colour.eval().encoder(x.repeat(1, 3, 1, 1))[-1], rtol=1e-4, atol=1e-4)


def test_an_imagenet_file_that_is_not_the_expected_one_is_refused(tmp_path):
    path, config = tmp_path / "resnet34.pth", small("resnet34_unet")
    net = made(config)
    with pytest.raises(ModelError, match="Download resnet34-b627a593"):
        load_imagenet(net, path)
    digest = imagenet_file(path, config)
    for sha256 in ("b627a593", "", digest[:4]):
        with pytest.raises(ModelError, match=f"got {digest}"):
            load_imagenet(net, path, sha256=sha256)
    digest = imagenet_file(path, dataclasses.replace(config, blocks=(1, 1, 1, 1, 1, 1)))
    with pytest.raises(ModelError, match=r"missing: layer1\.1\.conv1\.weight"):
        load_imagenet(net, path, sha256=digest)
    torch.save([1, 2], path)
    with pytest.raises(ModelError, match="a table of tensors, got list"):
        load_imagenet(net, path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="a file of tensors"):
        load_imagenet(net, path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_the_encoder_has_torchvisions_names():
    with torch.device("meta"):
        names = set(build(presets.limb_resnet34(3, 5)).encoder.state_dict())
    some = {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight"}
    assert some | {"layer2.0.downsample.1.bias", "layer3.5.bn2.weight", "layer4.2.conv2.weight"} <= names
    # 36 convolutions and as many normalisations of five tensors each; no shortcut convolution where nothing changes.
    assert len(names) == 36 * 6
    assert "layer1.0.downsample.0.weight" not in names


def test_a_frozen_encoder_leaves_its_batch_normalisation_free():
    with torch.device("meta"):
        net = build(presets.limb_resnet34(1, 5))
    freeze(net, ("encoder",))
    # Keras counts 3,167,640: its other ResNet has 1,661 fewer numbers of normalisation.
    assert sum(p.numel() for p in net.parameters() if p.requires_grad) == 3_167_640 + 1_661


# The others


def test_no_gradient_of_bf16_convolutions_reads_memory_that_nobody_wrote():
    """Memory is filled with huge numbers before it is handed out, so that reading it shows."""
    perturbed = os.environ | {"MALLOC_PERTURB_": "128"}
    command = [sys.executable, "-c", _TWO_PLANES]
    told = subprocess.run(command, env=perturbed, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


_TWO_PLANES = """
import torch
from condyle.nets.blocks import conv

torch.manual_seed(0)
for depth in (1, 2, 3, 4):
    layer, x = conv(16, 16, (3, 3, 3)), torch.randn(2, 16, depth, 4, 4)
    for _ in range(3):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            out = layer(x)
        out.float().square().mean().backward()
        half = layer.weight.grad.clone()
    layer.zero_grad()
    layer(x).square().mean().backward()
    assert torch.allclose(half, layer.weight.grad, rtol=0.1, atol=0.02 * float(layer.weight.grad.abs().max())), depth
"""


def test_a_vnet_stage_adds_its_input_before_the_last_prelu():
    stage = ResidualStage(2, 5, (3, 3, 3), blocks=2)
    for p in stage.convs.parameters():
        torch.nn.init.zeros_(p)
    x = waves(1, 2, 4, 4, 4)
    assert torch.allclose(stage(x), torch.nn.functional.leaky_relu(x[:, [0, 1, 0, 1, 0]], 0.25))


def test_an_even_kernel_looks_at_the_next_voxel_and_zero_beyond_the_far_end():
    up = Up(1, 1, (2, 2))
    torch.nn.init.zeros_(up.conv.bias)
    up.conv.weight.data = torch.tensor([[[[0.0, 0.0], [0.0, 1.0]]]])
    y = up(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    assert y[0, 0].tolist() == [[1, 2, 2, 0], [3, 4, 4, 0], [3, 4, 4, 0], [0, 0, 0, 0]]


def test_dropout_of_the_2d_unet_rests_when_it_predicts():
    config = small("unet2d")
    net, x = made(config), waves(1, 2, 16, 16)
    assert torch.equal(logits(net, x), logits(net, x))
    torch.manual_seed(0)
    runs = [net.train()(x) for _ in range(2)]
    assert all(not torch.equal(a, b) for a, b in pairwise(runs))
