"""Named sets, from the region of a scan to a training patch; mirroring that keeps left and right."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from augmenting import rng, sample
from condyle.augment import OUTSIDE, SETS, Augmentation, AugmentSet, Mirroring, build, sample_generator
from condyle.augment.elastic import Elastic
from condyle.augment.mirror import swap_labels
from condyle.augment.turn import is_straight
from condyle.errors import ConfigError
from condyle.labels import Labels, Structure
from condyle.recipe import AugmentName
from condyle.space import ORIENTATIONS, Volume, reorient, side_axis

BOTH = Labels.of({"femur_left": 1, "femur_right": 2, "sacrum": 3, "tibia_left": 7, "tibia_right": 9}, ignore=12)
ONE = Labels.of({"femur_right": 2, "sacrum": 3})
PATCHES = [(16, 16, 16), (5, 20, 18), (12, 8, 10), (16, 16), (20, 10)]


def test_every_set_a_recipe_may_name_is_there():
    assert set(SETS) == set(get_args(AugmentName))


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("name", list(SETS))
def test_every_set_makes_patches_of_any_shape_with_no_new_label(name, patch):
    augmentation = build(name, patch, Mirroring.of(BOTH, len(patch) - 1, len(patch)))
    size = augmentation.source_size
    image, labels = sample(size, channels=2)
    before = image.clone(), labels.clone()
    allowed = set(labels.unique().tolist()) - {OUTSIDE} | {0}
    # 2 and 9 have partners.
    allowed |= {1, 7}
    for n in range(12):
        new, ids = augmentation(image, labels, rng(n))
        assert new.shape == (2, *patch)
        assert (new.dtype, ids.dtype) == (torch.float32, torch.int16)
        assert new.is_contiguous()
        assert torch.isfinite(new).all()
        assert set(ids.unique().tolist()) <= allowed
    assert torch.equal(image, before[0])
    assert torch.equal(labels, before[1])


@pytest.mark.parametrize("name", list(SETS))
def test_a_region_cut_to_measure_gives_the_same_patch_as_a_large_one(name):
    patch = (12, 10, 11)
    augmentation = build(name, patch, Mirroring.of(ONE, 2, 3))
    image, labels = sample((44, 42, 43))
    for n in range(12):
        drawn = augmentation.draw(rng(n))
        starts = [(s - p) // 2 - (r - p) // 2 for s, p, r in zip(labels.shape, patch, drawn.region, strict=True)]
        box = tuple(slice(a, a + r) for a, r in zip(starts, drawn.region, strict=True))
        if name == "views":  # Of another shape than the patch, so that a middle voxel need not be one of both.
            box = tuple(slice((s - r) // 2, (s - r) // 2 + r) for s, r in zip(labels.shape, drawn.region, strict=True))
        small, large = drawn(image[(slice(None), *box)], labels[box]), drawn(image, labels)
        assert small[0].numpy() == pytest.approx(large[0].numpy(), abs=2e-3)
        assert (small[1] != large[1]).float().mean() < 0.01


def test_the_same_seed_epoch_and_sample_give_the_same_patch_and_others_another():
    augmentation = build("da5", (12, 12, 12), Mirroring.of(BOTH, 2, 3))
    image, labels = sample(augmentation.source_size)
    key = (3, 7, 11)
    a, b = (augmentation(image, labels, sample_generator(*key)) for _ in range(2))
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])
    for other in [(4, 7, 11), (3, 8, 11), (3, 7, 12)]:
        assert not torch.equal(augmentation(image, labels, sample_generator(*other))[0], a[0])


def test_a_drawn_patch_has_no_chance_left_in_it():
    augmentation = Augmentation(
        AugmentSet(SETS["da5"].turns, SETS["da5"].bricks, Elastic(p=1.0, spacing=6, length=(1, 2))), (10, 10, 10)
    )
    image, labels = sample((24, 24, 24))
    for n in range(8):
        drawn = augmentation.draw(rng(n))
        once, again = drawn(image, labels), drawn(image, labels)
        assert torch.equal(once[0], again[0])
        assert torch.equal(once[1], again[1])


def test_none_cuts_the_patch_and_changes_nothing_but_the_mark_outside():
    image, labels = sample((14, 13, 12))
    new, ids = build("none", (8, 7, 6), Mirroring.unsafe(3))(image, labels, rng())
    assert torch.equal(new, image[:, 3:11, 3:10, 3:9])
    assert torch.equal(ids, labels[3:11, 3:10, 3:9].clamp(min=0))
    assert new.untyped_storage().data_ptr() != image.untyped_storage().data_ptr()


def test_the_ignore_id_passes_through_and_masked_channels_stay_0_outside():
    image, labels = sample((12, 12, 12), channels=2)
    labels[:, :, :3] = 12
    augmentation = build("nnunet", (12, 12, 12), Mirroring.of(BOTH, 2, 3), masked=[1])
    for n in range(20):
        drawn = augmentation.draw(rng(n), channels=2)
        new, ids = drawn(image, labels)
        assert 12 in ids
        # The mark turned with the patch, whatever was drawn.
        marked = drawn(image, torch.where(labels == OUTSIDE, 9, 5).to(torch.int16))[1]
        outside = (ids == 0) & ((marked == 9) | (marked == 7))
        assert float(new[1][outside].abs().max()) == 0
        assert float(new[0][outside].abs().max()) > 0


def test_channels_behind_the_intensities_only_move():
    """The masks of a cascade are turned with the scan and stay masks."""
    image, labels = sample((16, 16, 16), channels=2)
    image[1] = (labels == 5).float()
    augmentation = build("da5", (16, 16, 16), Mirroring.unsafe(3))
    straight = 0
    for n in range(30):
        drawn = augmentation.draw(rng(n), channels=1)
        new, ids = drawn(image, labels)
        if is_straight(drawn.placement.matrix):
            straight += 1
            assert torch.equal(new[1], (ids == 5).float())
    assert straight > 5


def test_as_many_patches_are_left_straight_as_nnunet_leaves():
    augmentation = build("nnunet", (64, 64, 64), Mirroring.unsafe(3))
    drawn = [augmentation.draw(rng(n)) for n in range(3000)]
    assert np.mean([is_straight(d.placement.matrix) for d in drawn]) == pytest.approx(0.64, abs=0.03)
    assert np.mean([len(d.acts) for d in drawn]) == pytest.approx(0.1 + 0.1 + 0.15 * 2 + 0.125 + 0.1 + 0.3, abs=0.05)
    signs = np.array([np.sign(np.diag(d.placement.matrix)) for d in drawn])
    assert (signs < 0).mean(0) == pytest.approx([0.5] * 3, abs=0.03)
    assert {d.region for d in drawn if is_straight(d.placement.matrix)} == {(64, 64, 64)}


def test_a_fixed_source_is_nnunets():
    assert build("nnunet", (128, 128, 128)).source_size == (205, 205, 205)
    assert build("nnunet", (512, 512)).source_size == (602, 602)
    assert build("nnunet", (10, 64, 64)).source_size == (10, 75, 75)
    assert build("da5", (64, 64, 64)).source_size == (124, 124, 124)
    assert build("none", (64, 64, 64)).source_size == (64, 64, 64)


def body(labels: Labels) -> Volume:
    """Left at small x (world RAS: x points right), right at large x; marks in the middle."""
    array = np.zeros((10, 6, 8), np.int16)
    ids = dict(zip(labels.names, labels.ids, strict=True))
    for name, place in {"femur_left": 1, "sacrum": 5, "femur_right": 8}.items():
        if name in ids:
            array[place, 1:3, 2:6] = ids[name]
    return Volume.of(array, np.eye(4))


@pytest.mark.parametrize("labels", [BOTH, ONE])
def test_left_stays_left_when_mirrored_whichever_way_the_scan_lies(labels):
    """In every orientation, left ids lie on the left half of the patient and right ids on the right, always."""
    scan = body(labels)
    mirrored = set()
    for orientation in ORIENTATIONS:
        turned = reorient(scan, orientation)
        side = side_axis(turned.grid)
        mirroring = Mirroring.of(labels, side, 3)
        patch = turned.array.shape
        augmentation = Augmentation(AugmentSet(), patch, mirroring)
        ids = torch.from_numpy(np.ascontiguousarray(turned.array))
        for n in range(4):
            drawn = augmentation.draw(rng(n))
            _, new = drawn(ids[None].float(), ids)
            mirrored.add(bool(drawn.placement.matrix[side, side] < 0))
            back = reorient(Volume.of(new.numpy(), turned.affine), "RAS").array
            assert set(back[:5].ravel()) <= {0, 1, 3}, orientation
            assert set(back[5:].ravel()) <= {0, 2, 3}, orientation
            assert (back != 0).sum() == (scan.array != 0).sum()
    assert mirrored == ({True, False} if labels is BOTH else {False})


def test_nnunets_way_puts_left_on_the_right():
    ids = torch.from_numpy(body(BOTH).array)
    augmentation = Augmentation(AugmentSet(), (10, 6, 8), Mirroring.unsafe(3, [0]))
    seen = {tuple(augmentation(ids[None].float(), ids, rng(n))[1][:5].unique().tolist()) for n in range(8)}
    assert seen == {(0, 1), (0, 2, 3)}


def test_only_axes_that_are_safe_and_wanted_are_mirrored():
    assert Mirroring.of(BOTH, 1, 3) == Mirroring((0, 1, 2), 1, ((1, 2), (7, 9)))
    assert Mirroring.of(ONE, 1, 3) == Mirroring((0, 2), 1)
    assert Mirroring.of(ONE, None, 2) == Mirroring((0, 1))
    assert Mirroring.of(Labels.of({"femur": 1}), 0, 3, [0, 2]) == Mirroring((0, 2))
    assert Mirroring.of(BOTH, 1, 3, [0]) == Mirroring((0,), 1, ((1, 2), (7, 9)))
    graft = Labels((Structure(1, "graft", (0, 0, 0), side="left"),))
    assert Mirroring.of(graft, 0, 2) == Mirroring((1,), 0)


def test_ids_that_change_places_leave_all_others_alone():
    labels = torch.tensor([-1, 0, 1, 2, 3, 12, 300], dtype=torch.int32)
    swap_labels(labels, [(1, 2), (7, 9), (300, 400)])
    assert labels.tolist() == [-1, 0, 2, 1, 3, 12, 400]


@pytest.mark.parametrize(
    "make",
    [
        lambda: build("unknown", (8, 8)),  # type: ignore[arg-type]
        lambda: build("none", (8,)),
        lambda: build("none", (8, 8), Mirroring((2,))),
        lambda: Mirroring.of(BOTH, 3, 3),
        lambda: Mirroring.unsafe(2, [0, 0]),
        lambda: build("none", (8, 8))(torch.zeros(1, 8, 8), torch.zeros(8, 8), rng()),
        lambda: build("none", (8, 8))(torch.zeros(1, 8, 8).double(), torch.zeros((8, 8), dtype=torch.int16), rng()),
        lambda: build("none", (8, 8))(torch.zeros(1, 8, 9), torch.zeros((8, 8), dtype=torch.int16), rng()),
        lambda: build("none", (8, 8))(torch.zeros(1, 8, 8, 8), torch.zeros((8, 8, 8), dtype=torch.int16), rng()),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(ConfigError):
        make()
