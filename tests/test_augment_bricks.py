"""Bricks that change intensities: what each does, what is drawn for it, and how often."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from augmenting import numbers, rng, sample
from condyle.augment.blur import Blur, blur, kernel
from condyle.augment.brick import OneOf, PerChannel, Sometimes, around_one
from condyle.augment.brightness import Brightness, Offset, add, multiply
from condyle.augment.contrast import Contrast, stretch
from condyle.augment.gamma import Gamma, bend
from condyle.augment.local import Bump, Gradient, LocalGamma, add_bump, bend_locally
from condyle.augment.low_resolution import LowResolution, coarsen
from condyle.augment.median import Median, medians
from condyle.augment.noise import Noise, add_noise
from condyle.augment.rectangles import Rectangles, blank
from condyle.augment.sets import SETS
from condyle.augment.sharpen import Sharpen, sharpen

SIZES = [(12, 11, 10), (13, 12)]


def after(act, image: Tensor, **bound) -> Tensor:
    out = image.clone()
    act(out, **bound)
    return out


def ramp(size: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.indices(size).sum(0).astype(np.float32))[None]


def test_a_brick_is_used_as_often_as_its_wrapper_says():
    shape = (2, 8, 8)
    brick = Sometimes(0.3, PerChannel(Offset(1.0), p=0.5))
    drawn = [brick.draw(shape, rng(n)) for n in range(3000)]
    # Both channels are left out in a quarter of the samples.
    assert np.mean([d is not None for d in drawn]) == pytest.approx(0.3 * 0.75, abs=0.03)
    which = [[a is not None for a in numbers(d)["acts"]] for d in drawn if d is not None]
    assert np.mean(which, axis=0) == pytest.approx([2 / 3, 2 / 3], abs=0.05)
    one = OneOf((Offset(1.0), Brightness((0.5, 2.0))))
    assert np.mean(["offset" in numbers(one.draw(shape, rng(n))) for n in range(1000)]) == pytest.approx(0.5, abs=0.06)


def test_each_channel_gets_its_own_numbers_and_the_others_stay():
    image = torch.ones(3, 4, 4)
    brick = PerChannel(Offset(1.0), p=0.5)
    seen = set()
    for n in range(20):
        act = brick.draw((3, 4, 4), rng(n))
        new = after(act, image) if act else image
        changed = (new != image).flatten(1).any(1)
        seen.add(tuple(changed.tolist()))
        offsets = new[changed, 0, 0]
        assert len(offsets.unique()) == len(offsets)
    assert len(seen) == 8


def test_factors_lie_on_both_sides_of_one_as_often():
    drawn = np.array([around_one(rng(n), (0.7, 1.5)) for n in range(2000)])
    assert (drawn < 1).mean() == pytest.approx(0.5, abs=0.03)
    assert (drawn.min(), drawn.max()) == (pytest.approx(0.7, abs=0.01), pytest.approx(1.5, abs=0.01))


@pytest.mark.parametrize("size", SIZES)
def test_acts_that_do_nothing_are_the_identity(size):
    image, _ = sample(size, channels=2)
    exact = {
        add: {"offset": 0.0},
        multiply: {"factor": 1.0},
        add_noise: {"sigma": 0.0, "seed": 1},
        sharpen: {"strength": 0.0},
        medians: {"size": 1},
        coarsen: {"size": size},
        blank: {"boxes": ()},
    }
    for act, bound in exact.items():
        assert torch.equal(after(act, image, **bound), image), act
    bump = Bump((4.0,) * len(size), (3.0,) * len(size))
    near = {
        stretch: {"factor": 1.0, "keep_range": True},
        bend: {"exponent": 1.0, "inverted": False},
        bend_locally: {"bump": bump, "exponent": 1.0},
        add_bump: {"bump": bump, "height": 0.0},
        blur: {"sigmas": (1e-3,) * len(size)},
    }
    for act, bound in near.items():
        assert torch.allclose(after(act, image, **bound), image, atol=3e-6), act


def test_noise_has_the_deviation_drawn_and_depends_on_its_seed_alone():
    image = torch.zeros(1, 40, 40, 40)
    new = after(add_noise, image, sigma=0.1, seed=5)
    assert float(new.std()) == pytest.approx(0.1, rel=0.01)
    assert float(new.mean()) == pytest.approx(0, abs=0.002)
    assert torch.equal(new, after(add_noise, image, sigma=0.1, seed=5))
    assert not torch.equal(new, after(add_noise, image, sigma=0.1, seed=6))
    sigmas = [numbers(Noise((0.0, 0.1)).draw((1, 4, 4), rng(n)))["sigma"] for n in range(500)]
    assert (min(sigmas), max(sigmas)) == (pytest.approx(0, abs=0.001), pytest.approx(0.1, abs=0.001))


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.0, 1.5])
def test_a_blurred_point_is_a_gaussian_and_keeps_its_sum(sigma):
    image = torch.zeros(1, 21, 21, 21)
    image[0, 10, 10, 10] = 1
    new = after(blur, image, sigmas=(sigma, 0.7, 1.0))[0]
    assert float(new.sum()) == pytest.approx(1, abs=1e-5)
    along = new.sum((1, 2))
    places = torch.arange(21.0) - 10
    weights = torch.exp(-0.5 * (places / sigma) ** 2)
    weights[places.abs() > len(kernel(sigma, 21)) - 1] = 0
    assert along.numpy() == pytest.approx((weights / weights.sum()).numpy(), abs=1e-6)


def test_an_even_image_stays_even_when_blurred_to_its_edges():
    for size in [(5, 4, 3), (2, 9), (1, 6)]:
        image = torch.full((1, *size), 3.0)
        assert torch.allclose(after(blur, image, sigmas=(1.5,) * len(size)), image, atol=1e-5)


def test_axes_are_blurred_alike_only_where_asked():
    same = numbers(Blur((0.3, 1.5), same=True).draw((1, 8, 8, 8), rng()))["sigmas"]
    apart = numbers(Blur((0.3, 1.5)).draw((1, 8, 8, 8), rng()))["sigmas"]
    assert (len(set(same)), len(set(apart)), len(same)) == (1, 3, 3)


def test_contrast_keeps_the_mean_and_clips_only_where_asked():
    image, _ = sample((20, 20, 20))
    free = after(stretch, image, factor=1.5, keep_range=False)
    kept = after(stretch, image, factor=1.5, keep_range=True)
    assert float(free.mean()) == pytest.approx(float(image.mean()), abs=1e-5)
    assert float(free.std()) == pytest.approx(1.5 * float(image.std()), rel=1e-4)
    assert torch.equal(kept, free.clamp(image.min(), image.max()))
    assert set(numbers(Contrast((0.5, 2.0)).draw((1, 4, 4), rng()))) == {"factor", "keep_range"}


@pytest.mark.parametrize("inverted", [False, True])
def test_gamma_keeps_mean_deviation_and_order(inverted):
    image, _ = sample((16, 16, 16))
    new = after(bend, image, exponent=1.4, inverted=inverted)
    assert float(new.mean()) == pytest.approx(float(image.mean()), abs=1e-4)
    assert float(new.std()) == pytest.approx(float(image.std()), rel=1e-4)
    order = image.flatten().argsort()
    assert float(new.flatten()[order].diff().min()) >= -1e-5
    # The dark end is pulled apart by exponents below 1, and so is the bright one of the inverted curve by those above.
    steps = new.flatten()[order]
    low, high = steps[400] - steps[0], steps[-1] - steps[-401]
    plain_low, plain_high = image.flatten()[order[400]] - image.min(), image.max() - image.flatten()[order[-401]]
    assert (low / plain_low < high / plain_high) != inverted
    assert numbers(Gamma((0.7, 1.5), inverted=inverted).draw((1, 4, 4), rng()))["inverted"] == inverted


def test_an_even_image_has_no_gamma_and_stays_finite():
    image = torch.full((1, 5, 5), 2.0)
    bump = Bump((2.0, 2.0), (1.0, 1.0))
    for inverted in (False, True):
        assert torch.allclose(after(bend, image, exponent=0.7, inverted=inverted), image)
    assert torch.allclose(after(bend_locally, image, bump=bump, exponent=0.1), image, atol=1e-5)


def test_low_resolution_takes_the_nearest_of_fewer_voxels():
    image, _ = sample((12, 12, 12))
    new = after(coarsen, image, size=(6, 12, 12))
    # Of each two voxels the second is kept, and stands at the middle of the two.
    kept = image[:, 1::2]
    assert torch.allclose(new[:, 1:-1:2], 0.75 * kept[:, :-1] + 0.25 * kept[:, 1:], atol=1e-6)
    sizes = {numbers(LowResolution((0.5, 1.0)).draw((1, 10, 40, 40), rng(n)))["size"] for n in range(50)}
    assert all(s[0] == 10 and s[1] == s[2] and 20 <= s[1] <= 40 for s in sizes)
    assert len(sizes) > 10
    assert numbers(LowResolution((0.5, 0.5)).draw((1, 20, 40, 40), rng()))["size"] == (10, 20, 20)


@pytest.mark.parametrize("size", range(2, 8))
def test_the_median_is_scipys_along_one_axis(size):
    from scipy.ndimage import median_filter

    line = torch.randn(1, 40, 1, generator=torch.Generator().manual_seed(0))
    expected = median_filter(line.numpy(), (1, size, 1), mode="nearest")
    assert np.array_equal(after(medians, line, size=size).numpy(), expected)


def test_the_median_removes_single_voxels_and_keeps_edges():
    image = torch.zeros(1, 12, 12, 12)
    image[:, 6:] = 1
    expected = image.clone()
    image[0, 3, 4, 5] = 9
    assert torch.equal(after(medians, image, size=3), expected)
    assert {numbers(Median((2, 8)).draw((1, 4, 4), rng(n)))["size"] for n in range(80)} == set(range(2, 8))


def test_rectangles_are_filled_with_their_mean_and_have_the_sizes_documented():
    image, _ = sample((30, 40))
    box = (slice(3, 7), slice(20, 31))
    new = after(blank, image, boxes=(box,))
    assert float(new[0][box].std()) < 1e-6
    assert float(new.mean()) == pytest.approx(float(image.mean()), abs=1e-6)
    drawn = [numbers(Rectangles().draw((1, 30, 40), rng(n)))["boxes"] for n in range(400)]
    assert {len(boxes) for boxes in drawn} == {1, 2, 3, 4}
    sizes = np.array([[s.stop - s.start for s in box] for boxes in drawn for box in boxes])
    assert (sizes.min(0).tolist(), sizes.max(0).tolist()) == ([3, 4], [9, 12])
    stops = np.array([[s.stop for s in box] for boxes in drawn for box in boxes])
    assert stops.max(0).tolist() == [30, 40]
    assert numbers(Rectangles().draw((1, 1, 2), rng()))["boxes"]


@pytest.mark.parametrize("size", SIZES)
def test_a_bump_lies_between_0_and_1_with_its_top_at_its_centre(size):
    image = torch.zeros(1, *size)
    top = tuple(n // 3 for n in size)
    bump = Bump(top, tuple(n / 3 for n in size)).on(image)
    assert (float(bump.min()), float(bump.max())) == (pytest.approx(0, abs=1e-6), 1)
    assert float(bump[top]) == 1
    far = Bump(tuple(-20.0 * n for n in size), (1.0,) * len(size)).on(image)
    assert (float(far.min()), float(far.max())) == (0, 1)
    drawn = [Bump.drawn(size, rng(n)) for n in range(500)]
    assert np.max([b.centre for b in drawn], 0) == pytest.approx(np.array(size) * 1.5, rel=0.02)
    assert np.min([b.centre for b in drawn], 0) == pytest.approx(np.array(size) * -0.5, rel=0.05)
    assert np.max([b.sigma for b in drawn], 0) == pytest.approx(size, rel=0.03)
    assert np.min([b.sigma for b in drawn], 0) == pytest.approx([n // 6 for n in size], rel=0.05)


def test_a_gradient_adds_its_bump_and_a_local_gamma_fades():
    image = ramp((20, 20))
    bump = Bump((0.0, 0.0), (3.0, 3.0))
    added = after(add_bump, image, bump=bump, height=-2.0) - image
    assert float(added[0, 0, 0]) == pytest.approx(-2, abs=1e-5)
    assert float(added[0, -1, -1]) == pytest.approx(0, abs=1e-5)
    bent = after(bend_locally, image, bump=bump, exponent=2.0)
    assert float((bent - image)[0, 15:, 15:].abs().max()) < 1e-4
    assert float(bent[0, 2, 2]) < float(image[0, 2, 2]) - 1
    heights = np.array([numbers(Gradient().draw((1, 8, 8), rng(n)))["height"] for n in range(400)])
    assert (np.abs(heights).min() >= 1) & (np.abs(heights).max() <= 5)
    assert (heights > 0).mean() == pytest.approx(0.5, abs=0.08)
    exponents = np.array([numbers(LocalGamma().draw((1, 8, 8), rng(n)))["exponent"] for n in range(400)])
    assert not ((exponents > 0.8) & (exponents < 1.5)).any()
    assert (exponents < 1).mean() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("size", SIZES)
def test_sharpening_leaves_a_ramp_alone_and_lifts_a_point(size):
    image = ramp(size)
    inner = (slice(None), *(slice(1, -1),) * len(size))
    assert torch.allclose(after(sharpen, image, strength=0.7)[inner], image[inner], atol=1e-4)
    point = torch.zeros(1, *size)
    point[(0, *(5,) * len(size))] = 1
    new = after(sharpen, point, strength=0.5)
    assert float(new.max()) == pytest.approx(1 + len(size))
    assert float(new.sum()) == pytest.approx(1, abs=1e-5)
    assert 0.1 <= numbers(Sharpen((0.1, 1.0)).draw((1, 8, 8), rng()))["strength"] <= 1


def test_the_sets_probabilities_are_nnunets():
    assert [brick.p for brick in SETS["nnunet"].bricks] == [0.1, 0.2, 0.15, 0.15, 0.25, 0.1, 0.3]  # type: ignore[attr-defined]
    alone = [brick.p for brick in SETS["da5"].bricks if isinstance(brick, Sometimes)]
    assert alone == [0.1, 0.1, 0.15, 0.1, 0.1, 0.4, 0.3, 0.3, 0.2]
