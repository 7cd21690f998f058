"""The same drawn numbers give what nnU-Net's own augmentation gives. Skips where batchgeneratorsv2 is not installed."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from torch import Tensor

from augmenting import sample
from condyle.augment import OUTSIDE, build
from condyle.augment.affine import rotation
from condyle.augment.blur import blur
from condyle.augment.brightness import add, multiply
from condyle.augment.contrast import stretch
from condyle.augment.gamma import bend
from condyle.augment.local import Bump
from condyle.augment.low_resolution import coarsen
from condyle.augment.sharpen import sharpen
from condyle.augment.warp import Placement, placed

pytest.importorskip("batchgeneratorsv2")

SIZES = [(14, 13, 12), (15, 14)]
ONE = [0]


def theirs(where: str, name: str, image: Tensor, settings: dict, **params) -> Tensor:
    transform = getattr(importlib.import_module(f"batchgeneratorsv2.transforms.{where}"), name)(**settings)
    return transform._apply_to_image(image.clone(), **params)


def ours(act, image: Tensor, **bound) -> Tensor:
    out = image.clone()
    act(out, **bound)
    return out


@pytest.mark.parametrize("size", SIZES)
def test_brightness_and_contrast(size):
    image, _ = sample(size)
    picked = {"apply_to_channel": torch.tensor(ONE), "multipliers": torch.tensor([1.2])}
    settings = {"synchronize_channels": False, "p_per_channel": 1}
    bright = theirs(
        "intensity.brightness",
        "MultiplicativeBrightnessTransform",
        image,
        {"multiplier_range": 1, **settings},
        **picked,
    )
    assert torch.allclose(ours(multiply, image, factor=1.2), bright)
    shifted = theirs(
        "intensity.brightness", "BrightnessAdditiveTransform", image, {"mu": 0, "sigma": 1},
        apply_to_channel=torch.tensor(ONE), shift=torch.tensor([0.3]),
    )  # fmt: skip
    assert torch.allclose(ours(add, image, offset=0.3), shifted)
    for keep in (True, False):
        other = theirs(
            "intensity.contrast", "ContrastTransform", image,
            {"contrast_range": 1, "preserve_range": keep, **settings}, **picked,
        )  # fmt: skip
        assert torch.allclose(ours(stretch, image, factor=1.2, keep_range=keep), other, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("exponent", [0.7, 1.5])
def test_gamma(size, inverted, exponent):
    image, _ = sample(size)
    settings = {
        "gamma": 1,
        "p_invert_image": 1,
        "synchronize_channels": False,
        "p_per_channel": 1,
        "p_retain_stats": 1,
    }
    other = theirs(
        "intensity.gamma", "GammaTransform", image, settings,
        apply_to_channel=torch.tensor(ONE), retain_stats=torch.tensor([True]), invert_image=torch.tensor([inverted]),
        gamma=torch.tensor([exponent]),
    )  # fmt: skip
    assert torch.allclose(ours(bend, image, exponent=exponent, inverted=inverted), other, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_blur(size):
    image, _ = sample(size)
    for sigmas in [(0.5, 0.74, 1.0), (0.3, 1.2, 1.5)]:
        own = sigmas[: len(size)]
        other = theirs("noise.gaussian_blur", "GaussianBlurTransform", image, {}, apply_to_channel=[True], sigmas=[own])
        assert torch.allclose(ours(blur, image, sigmas=own), other, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_low_resolution(size):
    image, _ = sample(size)
    other = theirs(
        "spatial.low_resolution", "SimulateLowResolutionTransform", image,
        {"scale": 1, "synchronize_channels": False, "synchronize_axes": True, "ignore_axes": None},
        apply_to_channel=ONE, scales=torch.full((1, len(size)), 0.6),
    )  # fmt: skip
    assert torch.equal(ours(coarsen, image, size=tuple(round(n * 0.6) for n in size)), other)


@pytest.mark.parametrize("size", SIZES)
def test_sharpening(size):
    image, _ = sample(size)
    other = theirs(
        "noise.sharpen", "SharpeningTransform", image, {},
        strengths=[0.6], clamp_intensities=[False], apply_channel=[True],
    )  # fmt: skip
    assert torch.allclose(ours(sharpen, image, strength=0.6), other, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_the_bump_behind_gradients_and_local_gammas(size):
    from batchgeneratorsv2.transforms.local.local_transform import LocalTransform

    centre, sigma = tuple(0.3 * n for n in size), tuple(0.5 * n for n in size)
    peer = LocalTransform(scale=lambda shape, axis: sigma[axis], loc=0.3)
    bump = Bump(centre, sigma).on(torch.zeros(1, *size))
    # Theirs is integrated over each voxel, ours is taken in its middle.
    assert bump.numpy() == pytest.approx(peer._generate_kernel(size), abs=0.01)


@pytest.mark.parametrize("size", [(20, 22, 24), (24, 22)])
def test_rotation_and_scaling_of_image_and_labels(size):
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform

    image, labels = sample(size)
    dim, patch = len(size), tuple(n - 8 for n in size)
    angles = [20.0, -15.0, 25.0] if dim == 3 else [25.0]
    peer = SpatialTransform(
        patch, 0, random_crop=False, p_rotation=1, p_scaling=1, scaling=1.2, border_mode_seg="constant",
        p_synchronize_scaling_across_axes=1, padding_value_seg=OUTSIDE,
        rotation=lambda image, dim: np.radians(angles[dim if len(angles) == 3 else 0]),
    )  # fmt: skip
    params = peer.get_parameters(image=image)
    matrix = rotation(angles) * 1.2
    assert matrix == pytest.approx(params["affine"], abs=1e-12)
    new, ids = placed(image, labels, Placement(matrix), patch)
    assert new.numpy() == pytest.approx(peer._apply_to_image(image, **params).numpy(), abs=1e-3)
    # They weigh labels in half precision: places where two weigh nearly the same may differ.
    assert float((ids == peer._apply_to_segmentation(labels[None], **params)[0]).float().mean()) > 0.998


def test_regions_of_fixed_size_are_those_nnunet_cuts():
    sizes = pytest.importorskip("nnunetv2.training.data_augmentation.compute_initial_patch_size")
    for patch, largest in [((128, 128, 128), 30), ((96, 96, 96), 30), ((512, 512), 180), ((512, 256), 15)]:
        limits = (-np.radians(largest), np.radians(largest))
        expected = sizes.get_patch_size(patch, limits, limits, limits, (0.85, 1.25))
        own = build("nnunet", patch).source_size
        if len(set(patch)) == 1:
            assert own == tuple(expected)
        # Of a long patch it turns one corner; the others reach further.
        assert all(a >= b for a, b in zip(own, expected, strict=True))
