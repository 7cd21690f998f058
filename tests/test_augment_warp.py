"""Moving voxels: matrices, and reading a patch through one."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch

from augmenting import rng, sample
from condyle.augment import OUTSIDE, rows
from condyle.augment.affine import Affine, rotation
from condyle.augment.elastic import Elastic, field
from condyle.augment.plane import rotation_deg, turning_axes
from condyle.augment.quarter import QuarterTurn, Transpose, Views
from condyle.augment.straight import cut
from condyle.augment.turn import is_straight, region
from condyle.augment.warp import Placement, placed
from condyle.augment.warp_loops import warp_in_loops
from condyle.augment.warp_tensor import warp_on_tensors
from condyle.prepare import OUTSIDE as PREPARED_OUTSIDE

OBLIQUE = rotation([20.0, -15.0, 25.0])


def frame(matrix: np.ndarray, origin: list[float]) -> np.ndarray:
    return np.column_stack([matrix, np.array(origin, float)])


def test_the_mark_outside_is_the_one_that_preparation_leaves():
    assert OUTSIDE == PREPARED_OUTSIDE


@pytest.mark.parametrize("size", [(9, 8, 7), (9, 8)])
def test_no_turn_is_the_identity_bit_for_bit(size):
    image, labels = sample(size, channels=2)
    new_image, new_labels = placed(image, labels, Placement(np.eye(len(size))), size)
    assert torch.equal(new_image, image)
    assert torch.equal(new_labels, labels)
    assert new_image.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("size", [(9, 8, 7), (9, 8)])
@pytest.mark.parametrize("warp", [warp_in_loops, warp_on_tensors])
def test_the_warp_of_no_turn_is_the_identity_bit_for_bit(size, warp):
    image, labels = sample(size, channels=2, dtype=torch.int32)
    new_image, new_labels = warp(image, labels, frame(np.eye(len(size)), [0] * len(size)), size)
    assert torch.equal(new_image, image)
    assert torch.equal(new_labels, labels)


def test_quarter_turns_by_reordering_are_rot90_and_so_are_warped_ones():
    image, labels = sample((9, 9, 9))
    for plane, angles in {(1, 2): [90.0, 0, 0], (2, 0): [0, 90.0, 0], (0, 1): [0, 0, 90.0]}.items():
        matrix = rotation(angles)
        assert is_straight(matrix)
        expected = torch.rot90(labels, -1, plane)
        assert torch.equal(placed(image, labels, Placement(matrix), (9, 9, 9))[1], expected)
        start = 4 - matrix @ np.full(3, 4.0)
        for warp in (warp_in_loops, warp_on_tensors):
            warped_image, warped = warp(image, labels, frame(matrix, list(start)), (9, 9, 9))
            assert torch.equal(warped, expected)
            assert torch.equal(warped_image[0], torch.rot90(image[0], -1, plane))


def test_all_48_reorderings_move_every_voxel_to_where_the_matrix_says():
    image, labels = sample((4, 5, 6))
    places = np.indices((4, 5, 6)).reshape(3, -1)
    middle = (np.array((4, 5, 6)) - 1) / 2
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.eye(3)[list(order)] * signs
        patch = tuple(int(n) for n in np.abs(matrix).T @ (4, 5, 6))
        new, _ = placed(image, labels, Placement(matrix), patch)
        back = matrix.T @ (places - middle[:, None]) + (np.array(patch)[:, None] - 1) / 2
        assert torch.equal(new[0][tuple(back.round().astype(int))], image[0].flatten())


@pytest.mark.parametrize("warp", [warp_in_loops, warp_on_tensors])
def test_a_linear_ramp_is_warped_exactly(warp):
    """Linear interpolation has no error on what is linear: the affine map itself can be read off."""
    slope = np.array([0.3, -1.0, 2.0])
    size, patch = (40, 41, 42), (20, 18, 16)
    ramp = torch.from_numpy(np.tensordot(slope, np.indices(size), 1).astype(np.float32))[None]
    matrix = OBLIQUE @ np.diag([1.2, 0.9, 1.1])
    start = np.array([19.5, 20, 20.5]) - matrix @ ((np.array(patch) - 1) / 2)
    got, _ = warp(ramp, torch.zeros(size, dtype=torch.int16), frame(matrix, list(start)), patch)
    places = np.tensordot(matrix, np.indices(patch), 1) + start[:, None, None, None]
    assert got[0].numpy() == pytest.approx(np.tensordot(slope, places, 1), abs=2e-4)


def test_the_error_of_linear_interpolation_is_what_curvature_allows():
    """At most an eighth of the second derivative an axis: 0.23 an axis of a wave of 4.6 voxels, 0.02 of 16 voxels."""
    size, patch = (48, 48, 48), (24, 24, 24)
    middle = 23.5 - OBLIQUE @ np.full(3, 11.5)
    places = np.tensordot(OBLIQUE, np.indices(patch), 1) + middle[:, None, None, None]
    for wavelength in (4.6, 8.0, 16.0):
        turn = 2 * np.pi / wavelength
        wave = torch.from_numpy(np.sin(turn * np.indices(size)).sum(0).astype(np.float32))[None]
        got, _ = warp_in_loops(wave, torch.zeros(size, dtype=torch.int16), frame(OBLIQUE, list(middle)), patch)
        error = np.abs(got[0].numpy() - np.sin(turn * places).sum(0)).max()
        assert error <= 3 * turn**2 / 8 + 1e-4


@pytest.mark.parametrize("patch", [(12, 11, 10), (14, 12)])
@pytest.mark.parametrize("dtype", [torch.int16, torch.int32])
def test_loops_and_tensor_operations_give_the_same_patch_beyond_the_edges_too(patch, dtype):
    image, labels = sample(tuple(n - 2 for n in patch), channels=2, dtype=dtype)
    dim = len(patch)
    matrix = rotation([33.0]) if dim == 2 else OBLIQUE
    place = frame(matrix * 1.1, [-1.2, 0.4, 2.1][:dim])
    (a, x), (b, y) = warp_in_loops(image, labels, place, patch), warp_on_tensors(image, labels, place, patch)
    assert a.numpy() == pytest.approx(b.numpy(), abs=1e-4)
    assert torch.equal(x, y)
    assert x.dtype == dtype
    assert OUTSIDE in x


def test_labels_are_the_largest_of_every_labels_own_interpolated_image():
    image, labels = sample((14, 14, 14))
    place = frame(OBLIQUE, list(6.5 - OBLIQUE @ np.full(3, 4.5)))
    _, got = warp_in_loops(image, labels, place, (10, 10, 10))
    ids = labels.unique()
    shares = torch.stack([warp_in_loops((labels == i).float()[None], labels, place, (10, 10, 10))[0][0] for i in ids])
    top = shares.topk(2, 0).values
    decided = (top[0] - top[1] > 1e-4) & (shares.sum(0) > 1 - 1e-4)
    assert decided.float().mean() > 0.9
    assert torch.equal(got[decided].long(), ids[shares.argmax(0)][decided].long())


def test_threads_do_not_change_a_patch():
    image, labels = sample((16, 16, 16))
    place = frame(OBLIQUE, [2.0, 3.0, 1.0])
    one = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = warp_in_loops(image, labels, place, (11, 10, 9))
        torch.set_num_threads(3)
        shared = warp_in_loops(image, labels, place, (11, 10, 9))
    finally:
        torch.set_num_threads(one)
    assert all(torch.equal(a, b) for a, b in zip(alone, shared, strict=True))


@pytest.mark.parametrize("size", [(1, 9, 9), (9, 1, 9), (9, 9, 1), (1, 1, 1), (0, 9, 9), (2, 2, 2)])
def test_scans_of_one_voxel_or_none_across_are_read_without_stepping_outside(size):
    image, labels = torch.ones(1, *size), torch.ones(size, dtype=torch.int16)
    for matrix in (OBLIQUE, OBLIQUE.T, rotation([0.0, 0.05, 0.05])):
        place = frame(matrix, list((np.array(size) - 1) / 2 - matrix @ np.full(3, 5.0)))
        new, ids = warp_in_loops(image, labels, place, (11, 11, 11))
        assert float(new.max()) <= 1
        if labels.numel():
            other, same = warp_on_tensors(image, labels, place, (11, 11, 11))
            assert new.numpy() == pytest.approx(other.numpy(), abs=1e-4)
            assert torch.equal(ids, same)
        else:
            assert set(ids.unique().tolist()) == {OUTSIDE}


def test_a_row_is_taken_as_inside_only_where_rounding_cannot_carry_it_out():
    assert rows.span(62.0, 0.0, 64, 10) == (0, 10)
    # As a single this is 63, the last voxel, which has no neighbour.
    assert rows.span(62.9999999, 0.0, 64, 10) == (0, 0)
    assert rows.span(-1e-12, 0.0, 64, 10) == (0, 0)
    assert rows.span(-1.0, 1.0, 5, 10) == (2, 5)
    assert rows.span(5.0, -1.0, 5, 10) == (2, 5)
    assert rows.span(0.0, 1.0, 1, 10) == (0, 0)


def test_a_part_of_a_scan_is_read_where_it_lies():
    image, labels = sample((20, 21, 22), channels=2)
    place = frame(OBLIQUE, [1.5, 0.5, 0.0])
    box = (slice(3, 15), slice(4, 17), slice(5, 19))
    within = warp_in_loops(image[(slice(None), *box)], labels[box], place, (9, 10, 11))
    alone = warp_in_loops(image[(slice(None), *box)].contiguous(), labels[box].contiguous(), place, (9, 10, 11))
    assert all(torch.equal(a, b) for a, b in zip(within, alone, strict=True))
    turned = warp_in_loops(image.transpose(1, 3).contiguous().transpose(1, 3), labels, place, (9, 10, 11))
    assert torch.equal(turned[0], warp_in_loops(image, labels, place, (9, 10, 11))[0])


def test_compiled_rows_are_what_the_functions_say(monkeypatch):
    """The same functions run by Python itself."""
    image, labels = sample((7, 6, 8))
    place = frame(OBLIQUE, [0.5, -0.8, 1.0])
    for name in ("mixed", "heaviest", "voted", "span", "neighbour", "eight_of", "in_memory", "inner_part"):
        monkeypatch.setattr(rows, name, getattr(rows, name).py_func)
    for name in ("intensity_row", "label_row"):
        monkeypatch.setattr(rows, name, getattr(rows, name).py_func)
    compiled = warp_in_loops(image, labels, place, (6, 5, 7))
    out, ids = np.empty((6, 5, 7), np.float32), np.empty((6, 5, 7), np.int16)
    rows.read_intensities.py_func(image[0].numpy(), place, out, 0, 6)
    rows.read_labels.py_func(labels.numpy(), place, ids, 0, 6)
    assert out == pytest.approx(compiled[0][0].numpy(), abs=1e-4)
    assert np.array_equal(ids, compiled[1].numpy())
    # The last slice of a volume, along a row that stays in it.
    flat = frame(np.eye(3), [6.0, 0.25, 0.5])
    rows.read_intensities.py_func(image[0].numpy(), flat, out, 0, 1)
    assert out[0, 0, 0] == pytest.approx(
        float(image[0, 6, :2, :2].T.flatten() @ torch.tensor([3, 1, 3, 1.0]) / 8), 1e-4
    )


def test_a_turned_patch_sees_nothing_beyond_its_region():
    """A region of ones gives ones everywhere: nothing beyond its edges was read."""
    affine = Affine(p_rotation=1, p_scaling=1, scaling=(0.7, 1.4), same=False)
    for patch in [(12, 10, 14), (4, 20, 18), (16, 20)]:
        for n in range(40):
            placement = Placement(affine.draw(patch, rng(n), None))
            size = placement.region(patch)
            image, labels = placed(torch.ones(1, *size), torch.ones(size, dtype=torch.int16), placement, patch)
            assert float(image.min()) > 1 - 1e-4
            assert int(labels.min()) == 1


def test_where_the_scan_ends_the_image_is_0_and_labels_lie_outside():
    image, labels = torch.ones(1, 4, 5, 6), torch.ones((4, 5, 6), dtype=torch.int16)
    for matrix in (np.eye(3), rotation([0, 0, 1e-3])):
        new, ids = placed(image, labels, Placement(matrix), (8, 9, 10))
        assert torch.equal(ids[2:6, 2:7, 2:8], labels)
        assert int((ids == OUTSIDE).sum()) == 8 * 9 * 10 - 4 * 5 * 6
        assert float(new.sum()) == pytest.approx(4 * 5 * 6, rel=1e-3)


def test_a_cut_of_what_is_large_enough_is_a_view_of_its_middle():
    volume = torch.arange(7 * 9).reshape(7, 9)
    kept = cut(volume, (3, 4), 0)
    assert torch.equal(kept, volume[2:5, 2:6])
    assert kept.untyped_storage().data_ptr() == volume.untyped_storage().data_ptr()


def test_thick_slices_are_turned_in_their_plane_alone_as_in_nnunet():
    assert turning_axes((20, 61, 40)) == (1, 2)
    assert turning_axes((20, 60, 40)) == (0, 1, 2)
    assert turning_axes((40, 20)) == (0, 1)
    assert [rotation_deg(p) for p in [(64, 64, 64), (10, 64, 64), (64, 64), (64, 40)]] == [30, 180, 180, 15]
    affine = Affine(p_rotation=1, p_scaling=1, scaling=(0.7, 1.4))
    for n in range(10):
        matrix = affine.draw((10, 64, 64), rng(n), None)
        assert matrix[0].tolist() == [1, 0, 0]
        assert matrix[:, 0].tolist() == [1, 0, 0]


def test_angles_and_factors_are_drawn_as_documented():
    affine = Affine(p_rotation=0.2, p_scaling=0.2, scaling=(0.7, 1.4))
    matrices = np.array([affine.draw((64, 64, 64), rng(n), None) for n in range(4000)])
    factors = np.cbrt(np.linalg.det(matrices))
    turned = np.abs(matrices / factors[:, None, None] - np.eye(3)).max((1, 2)) > 1e-9
    scaled = np.abs(factors - 1) > 1e-12
    assert turned.mean() == pytest.approx(0.2, abs=0.02)
    assert scaled.mean() == pytest.approx(0.2, abs=0.02)
    assert (turned | scaled).mean() == pytest.approx(0.36, abs=0.025)
    assert (factors[scaled].min(), factors[scaled].max()) == (
        pytest.approx(0.7, abs=0.01),
        pytest.approx(1.4, abs=0.01),
    )
    assert factors[scaled].mean() == pytest.approx(1.05, abs=0.02)
    about_last = np.degrees(np.arctan2(matrices[turned, 1, 0], matrices[turned, 0, 0]))
    assert np.abs(about_last).max() == pytest.approx(30, abs=0.5)
    assert about_last.std() == pytest.approx(60 / np.sqrt(12), rel=0.1)


def test_each_axis_of_da5_is_turned_half_the_time_and_scaled_by_its_own_factor():
    affine = Affine(p_rotation=1, p_scaling=1, scaling=(0.7, 1.43), p_axis=0.5, same=False)
    matrices = [affine.draw((64, 64, 64), rng(n), None) for n in range(1000)]
    unturned = np.mean([np.count_nonzero(np.abs(m) > 1e-12) == 3 for m in matrices])
    assert unturned == pytest.approx(1 / 8, abs=0.04)
    lengths = np.array([np.linalg.norm(m, axis=0) for m in matrices])
    assert np.corrcoef(lengths.T)[0, 1] == pytest.approx(0, abs=0.1)
    assert (lengths.min(), lengths.max()) == (pytest.approx(0.7, abs=0.01), pytest.approx(1.43, abs=0.01))


def test_rotations_keep_left_on_the_left_where_labels_have_sides():
    affine = Affine(p_rotation=1, p_scaling=0, scaling=(1, 1))
    for side, largest in ((1, 30), (0, 180)):
        matrices = np.array([affine.draw((10, 64, 64), rng(n), side) for n in range(300)])
        angles = np.degrees(np.arctan2(matrices[:, 2, 1], matrices[:, 1, 1]))
        assert np.abs(angles).max() == pytest.approx(largest, rel=0.05)


@pytest.mark.parametrize("turn", [QuarterTurn(0.5), Transpose(0.5), Views()])
def test_quarter_turns_and_orders_only_reorder_and_leave_left_right_alone(turn):
    for patch in [(8, 8, 8), (4, 8, 8), (8, 8), (8, 6, 4)]:
        for side in (None, len(patch) - 1):
            drawn = [turn.draw(patch, rng(n), side) for n in range(60)]
            assert all(is_straight(m) for m in drawn)
            assert side is None or all(m[side, side] == 1 for m in drawn)
            if not isinstance(turn, Views):
                assert all(region(m, patch) == patch for m in drawn)


def test_quarter_turns_keep_handedness_and_come_in_all_four():
    drawn = [QuarterTurn(1.0).draw((4, 8, 8), rng(n), None) for n in range(200)]
    assert {round(float(np.degrees(np.arctan2(m[2, 1], m[1, 1])))) % 360 for m in drawn} == {0, 90, 180, 270}
    assert all(np.linalg.det(m) == pytest.approx(1) for m in drawn)


def test_views_are_the_scan_cut_along_each_axis_whatever_the_patch():
    image, labels = sample((9, 9, 9))
    patch = (4, 6, 9)
    seen = set()
    for n in range(30):
        placement = Placement(Views().draw(patch, rng(n), None))
        new, _ = placed(image, labels, placement, patch)
        views = {order: cut(image[0].permute(order), patch, 0) for order in [(0, 1, 2), (1, 0, 2), (2, 0, 1)]}
        found = [order for order, view in views.items() if torch.equal(new[0], view)]
        seen.update(found or ["none"])
    assert seen == {(0, 1, 2), (1, 0, 2), (2, 0, 1)}


def test_an_elastic_field_has_the_lengths_drawn_and_moves_image_and_labels_alike():
    elastic = Elastic(p=1.0, spacing=8, length=(2.0, 2.0))
    patch = (16, 14, 12)
    arrows = elastic.draw(patch, rng())
    assert arrows is not None
    moved = field(arrows, patch, torch.device("cpu"))
    assert moved.shape == (3, *patch)
    assert float(moved.abs().max()) <= 2.0
    placement = Placement(np.eye(3), arrows)
    size = placement.region(patch)
    assert all(s >= p + 4 for s, p in zip(size, patch, strict=True))
    ball = sum(
        (torch.arange(n).reshape([-1 if a == d else 1 for a in range(3)]) - n / 2) ** 2 for d, n in enumerate(size)
    )
    inside = (ball < 30).to(torch.int16)
    new, labels = placed(inside[None].float(), inside, placement, patch)
    assert torch.equal(labels[(new[0] - 0.5).abs() > 1e-3], (new[0] > 0.5).to(torch.int16)[(new[0] - 0.5).abs() > 1e-3])
    assert not torch.equal(labels, cut(inside, patch, 0))
    assert Elastic(p=0.0).draw(patch, rng()) is None
