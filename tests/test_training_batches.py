"""Where patches come from."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from threading import Thread

import numpy as np
import pytest
import torch

from condyle.augment import build
from condyle.errors import ConfigError, DataError
from condyle.labels import Labels
from condyle.losses.compared import IGNORE
from condyle.losses.targets import class_table
from condyle.training import World
from condyle.training.patches import cut, random_start, start_round, tiles
from training_toys import CASES, TABLE, ToyCase, batches


def numbered(shape: tuple[int, int, int]) -> ToyCase:
    """A case whose voxels tell where they are: the image holds each one's number."""
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(1, *shape)
    labels = np.zeros(shape, np.int16)
    labels[tuple(n // 2 for n in shape)] = 1
    labels[0, 0, 0] = 3
    return ToyCase.of(image, labels)


def everything(made, epochs=(0,), **changes):
    return [(b.image, b.target) for b in made.over(epochs, **changes)]


def same(one, two) -> bool:
    return len(one) == len(two) and all(
        torch.equal(a, b) for x, y in zip(one, two, strict=True) for a, b in zip(x, y, strict=True)
    )


@pytest.mark.parametrize("augment", [None, build("nnunet", (8, 8, 8))])
def test_patches_do_not_depend_on_how_many_threads_make_them(augment):
    one, two = (everything(batches(augment=augment, workers=n), (1, 2)) for n in (1, 3))
    assert same(one, two)
    assert not same(one[:4], one[4:])


def test_going_on_within_an_epoch_gives_the_batches_that_were_left():
    made = batches()
    assert same(everything(made, (3, 4))[3:], everything(made, (3, 4), first=3))
    assert same(everything(made, (3, 4))[4:], everything(made, (3, 4), first=4))


def test_processes_share_a_batch_without_overlap():
    made = batches(batch=4)
    whole = everything(made)
    parts = [everything(made, world=World(rank, 2)) for rank in (0, 1)]
    for n, (image, target) in enumerate(whole):
        assert torch.equal(torch.cat([p[n][0] for p in parts]), image)
        assert torch.equal(torch.cat([p[n][1] for p in parts]), target)


def test_the_end_of_a_batch_holds_a_structure():
    """One voxel of each structure in a large scan: patches at random would nearly never show one."""
    cases = {"a": numbered((40, 40, 40))}
    made = batches(cases=cases, ids=("a",), batch=3, oversample=1 / 3, iterations=20)
    shown = [[set(t.unique().tolist()) - {0} for t in target] for _, target in everything(made)]
    assert all(last for *_, last in shown)
    assert sum(bool(s) for first, second, _ in shown for s in (first, second)) < 10
    # Both structures are drawn, equally often.
    counts = Counter(next(iter(last)) for *_, last in shown)
    assert min(counts.values()) >= 5


def test_patches_stay_within_the_scan_and_reach_all_of_it():
    rng = np.random.default_rng(0)
    starts = np.array([random_start((12, 8, 5), (8, 8, 8), rng) for _ in range(300)])
    assert starts.min(0).tolist() == [0, 0, -1]
    assert starts.max(0).tolist() == [4, 0, -1]


@pytest.mark.parametrize(
    ("voxel", "start"), [((0, 0, 0), (0, 0, 0)), ((6, 6, 6), (2, 2, 2)), ((11, 11, 11), (4, 4, 4))]
)
def test_a_patch_round_a_voxel_is_moved_into_the_scan(voxel, start):
    assert start_round(voxel, (12, 12, 12), (8, 8, 8)) == start


def test_a_scan_smaller_than_the_patch_lies_in_its_middle_with_background_round_it():
    case = ToyCase.of(np.ones((1, 4, 12, 5)), np.ones((4, 12, 5), np.int16))
    made = batches(cases={"a": case}, ids=("a",), batch=1, iterations=1)
    ((image, target),) = everything(made)
    inside = torch.zeros(8, 8, 8)
    inside[2:6, :, 1:6] = 1
    assert torch.equal(image[0, 0], inside)
    assert torch.equal(target[0], inside.to(target.dtype))


def test_a_region_is_filled_where_it_leaves_the_array():
    case = numbered((3, 3, 3))
    out = cut(case.image, (-1, 1, 2), (3, 2, 2), -5.0)
    assert out.shape == (1, 3, 2, 2)
    assert out[0, 1, 0, 0] == case.image[0, 0, 1, 2]
    assert (out[0, 0] == -5).all()
    assert (out[0, :, :, 1] == -5).all()


def test_slices_of_a_scan_for_a_2d_network():
    cases = {"a": numbered((6, 10, 9))}
    made = batches(cases=cases, ids=("a",), patch=(10, 9), batch=2, iterations=30)
    images = torch.cat([image for image, _ in everything(made)])
    assert images.shape == (60, 1, 10, 9)
    # Each is one whole slice, and all slices are seen.
    assert {tuple(np.unique(np.diff(i.numpy().ravel()))) for i in images} == {(1.0,)}
    assert len({float(i[0, 0, 0]) for i in images}) == 6


def test_once_through_all_patches_shows_every_voxel():
    cases = {"a": numbered((9, 8, 17)), "b": numbered((5, 8, 8))}
    made = batches(cases=cases, ids=("a", "b"), iterations=0, batch=4, oversample=0.0)
    # 2 x 1 x 3 patches and 1: two batches, the last filled up with one patch more.
    assert len(made) == 2
    first, second = everything(made, (1,)), everything(made, (2,))
    seen = set(torch.cat([image.flatten() for image, _ in first]).tolist())
    assert seen == set(range(9 * 8 * 17))
    assert not same(first, second)


@pytest.mark.parametrize(("size", "patch"), [(17, 8), (8, 8), (5, 8), (16, 8)])
def test_tiles_are_as_few_as_cover_the_scan(size, patch):
    starts = [i for i, _, _ in tiles((size, 8, 8), (patch, 8, 8))]
    covered = {v for s in starts for v in range(s, s + patch)}
    assert set(range(size)) <= covered
    assert len(starts) == -(-size // patch)


def test_where_voxels_are_ignored_patches_are_drawn_round_the_others():
    labels = np.full((40, 40, 40), 2, np.int16)
    labels[:8, :8, :8] = 0
    labels[2, 2, 2] = 1
    case = ToyCase.of(np.zeros((1, 40, 40, 40)), labels, (0, 1))
    table = class_table(Labels.of({"femur": 1}, ignore=2))
    made = batches(cases={"a": case}, ids=("a",), table=table, oversample=0.0, iterations=10)
    assert all((target != IGNORE).any() for _, targets in everything(made) for target in targets)
    none = ToyCase.of(np.zeros((1, 9, 9, 9)), np.full((9, 9, 9), 2, np.int16), (0, 1))
    made = batches(cases={"a": none}, ids=("a",), table=table, iterations=1)
    assert all((target == IGNORE).all() for _, target in everything(made))


def test_a_case_without_structures_is_seen_at_random_places():
    case = ToyCase.of(np.zeros((1, 9, 9, 9)), np.zeros((9, 9, 9), np.int16))
    assert len(everything(batches(cases={"a": case}, ids=("a",), oversample=1.0, iterations=3))) == 3


def test_augmented_patches_have_the_same_size_and_other_values():
    made, plain = batches(augment=build("nnunet", (8, 8, 8)), iterations=8), batches(iterations=8)
    for (image, target), (before, _) in zip(everything(made), everything(plain), strict=True):
        assert image.shape == before.shape
        assert set(target.unique().tolist()) <= {0, 1, 2}
    assert not same(everything(made), everything(plain))


def test_a_case_that_cannot_be_read_ends_training_with_its_error():
    class Gone:
        shape = (1, 9, 9, 9)

        def read(self, box):
            raise DataError("case a", expected="a file", got="none")

    case = ToyCase(Gone(), CASES["c0"].labels, CASES["c0"].positions, CASES["c0"].voxels)
    with pytest.raises(DataError, match="case a"):
        list(islice(batches(cases={"a": case}, ids=("a",)).over([0]), 1))


def test_making_patches_leaves_torchs_threads_as_they_were():
    before = torch.get_num_threads()
    everything(batches(workers=3))
    found = []
    other = Thread(target=lambda: found.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert [torch.get_num_threads(), *found] == [before, before]


def test_contradictions_are_refused():
    with pytest.raises(DataError, match="one case or more"):
        batches(ids=())
    with pytest.raises(ConfigError, match="augmented to"):
        batches(augment=build("nnunet", (16, 8, 8)))
    with pytest.raises(ConfigError, match="workers"):
        batches(workers=0)
    with pytest.raises(ConfigError, match="2 or 3 sizes"):
        batches(patch=(8,))
    assert batches(table=TABLE).structures == 2
