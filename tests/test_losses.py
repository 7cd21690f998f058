"""Losses: known values, true gradients, nothing from ignored voxels, nnU-Net's numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from condyle.config import Region
from condyle.errors import ConfigError
from condyle.labels import Labels
from condyle.losses.build import LOSSES, Loss, build
from condyle.losses.compared import IGNORE
from condyle.losses.deep import DeepSupervision, downsampled, weights
from condyle.losses.targets import class_table, region_table, target_of
from condyle.prepare import OUTSIDE

SIZE = (4, 6, 5)

#: Every loss with every kind of output it knows.
KINDS = [(name, regions) for name in LOSSES for regions in (False, True) if regions or name != "bce"]
every_kind = pytest.mark.parametrize(("name", "regions"), KINDS)


def loss_of(name: str, *, regions: bool = False, classes: int = 3, ignore: int | None = None, batch=True) -> Loss:
    return build(name, classes=classes, regions=regions, ignore=ignore, batch_dice=batch)


def target(regions: bool, *, seed: int = 0, classes: int = 3, samples: int = 2) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    if regions:
        return torch.rand((samples, classes, *SIZE), generator=rng) > 0.6
    return torch.randint(0, classes, (samples, *SIZE), generator=rng)


def logits(*, seed: int = 1, classes: int = 3, samples: int = 2, dtype=torch.float64) -> torch.Tensor:
    return torch.randn((samples, classes, *SIZE), generator=torch.Generator().manual_seed(seed), dtype=dtype)


def with_ignored(truth: torch.Tensor, regions: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """The target with a third of its voxels ignored, and where."""
    where = torch.rand((len(truth), *SIZE), generator=torch.Generator().manual_seed(5)) < 1 / 3
    inside = where[:, None].expand(truth.shape) if regions else where
    return torch.where(inside, IGNORE, truth.to(torch.int8)), where


def perfect(truth: torch.Tensor, regions: bool, sure: float) -> torch.Tensor:
    """Logits that are right by a margin."""
    hot = truth if regions else functional.one_hot(truth, 3).movedim(-1, 1)
    return (2.0 * hot - 1) * sure


@every_kind
def test_perfect_logits_cost_nothing_and_pull_nowhere(name, regions):
    truth = target(regions)
    x = perfect(truth, regions, 30.0).double().requires_grad_()
    value = loss_of(name, regions=regions)(x, truth)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert x.grad.abs().max() < 1e-6


@every_kind
def test_a_step_against_the_gradient_gets_better(name, regions):
    truth = target(regions)
    x = logits().requires_grad_()
    loss = loss_of(name, regions=regions)
    before = loss(x, truth)
    before.backward()
    after = loss(x - 1e-2 * x.grad / x.grad.norm(), truth)
    assert after < before
    assert before > loss(perfect(truth, regions, 3.0).double(), truth) >= 0


@every_kind
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("ignore", [None, 9])
def test_the_gradient_is_that_of_finite_differences(name, regions, batch, ignore):
    truth = target(regions)
    if ignore:
        truth, _ = with_ignored(truth, regions)
    corner = (..., slice(2), slice(2), slice(2))
    loss = loss_of(name, regions=regions, ignore=ignore, batch=batch)
    x = logits()[corner].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, truth[corner]), (x,))


@every_kind
def test_ignored_voxels_have_no_say(name, regions):
    truth, where = with_ignored(target(regions), regions)
    loss = loss_of(name, regions=regions, ignore=9)
    x = logits().requires_grad_()
    value = loss(x, truth)
    value.backward()
    assert (x.grad.movedim(1, -1)[where] == 0).all()
    assert (x.grad.movedim(1, -1)[~where] != 0).any()
    other = torch.where(where[:, None], logits(seed=7), x.detach())
    assert loss(other, truth).item() == pytest.approx(value.item(), abs=1e-14)


@every_kind
def test_a_batch_in_which_nothing_is_labelled_costs_nothing(name, regions):
    truth = torch.full((2, 3, *SIZE) if regions else (2, *SIZE), IGNORE)
    x = logits(dtype=torch.float32).requires_grad_()
    value = loss_of(name, regions=regions, ignore=9)(x, truth)
    value.backward()
    assert value.item() == 0
    assert (x.grad == 0).all()


@every_kind
@pytest.mark.parametrize("batch", [False, True])
def test_an_absent_class_does_not_blow_up(name, regions, batch):
    truth = target(regions)
    truth = truth & torch.tensor([True, True, False])[:, None, None, None] if regions else truth.clamp(max=1)
    x = (20 * logits(dtype=torch.float32)).requires_grad_()
    value = loss_of(name, regions=regions, batch=batch)(x, truth)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().max() < 10


@every_kind
def test_under_autocast_arithmetic_is_in_single_precision(name, regions):
    truth = target(regions)
    x = logits(dtype=torch.float32).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss_of(name, regions=regions)(x, truth)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(loss_of(name, regions=regions)(x.double(), truth).item(), abs=1e-6)


# Two voxels, background and bone. Probabilities of bone .8 and .4; the first voxel is bone.
P, Q = 0.8, 0.4
LOG_P, LOG_Q = math.log(P / (1 - P)), math.log(Q / (1 - Q))
SMALL = 1e-5
BY_HAND = {
    "ce": -(math.log(P) + math.log(1 - Q)) / 2,
    "dice": 1 - (2 * P + SMALL) / (P + Q + 1 + SMALL),
    "dice_ce": 1 - (2 * P + SMALL) / (P + Q + 1 + SMALL) - (math.log(P) + math.log(1 - Q)) / 2,
    "dice_present_ce": 1 - (2 * P + SMALL) / (P + Q + 1 + SMALL) - (math.log(P) + math.log(1 - Q)) / 2,
    "dice_squared": 1 - (2 * P + SMALL) / (P * P + Q * Q + 1 + SMALL),
    "tversky": 1 - (P + SMALL) / (P + 0.7 * (1 - P) + 0.3 * Q + SMALL),
}


@pytest.mark.parametrize("name", list(BY_HAND))
def test_two_voxels_of_a_region_by_hand(name):
    x = torch.tensor([[[[LOG_P, LOG_Q]]]], dtype=torch.float64)
    truth = torch.tensor([[[[True, False]]]])
    assert loss_of(name, regions=True, classes=1)(x, truth).item() == pytest.approx(BY_HAND[name], abs=1e-12)


def focal_term(p: float) -> float:
    return -0.25 * (1 - p) ** 2 * math.log(p)


BY_HAND_CLASSES = BY_HAND | {
    "focal": (focal_term(P) + focal_term(1 - Q)) / 4,
    "generalized_dice": 1 - (2 * (P + 1 - Q) + SMALL) / (4 + SMALL),
}


@pytest.mark.parametrize("name", list(BY_HAND_CLASSES))
def test_two_voxels_of_two_classes_by_hand(name):
    x = torch.tensor([[[[0.0, 0.0]], [[LOG_P, LOG_Q]]]], dtype=torch.float64)
    truth = torch.tensor([[[1, 0]]])
    assert loss_of(name, classes=2)(x, truth).item() == pytest.approx(BY_HAND_CLASSES[name], abs=1e-12)


@pytest.mark.parametrize("batch", [False, True])
def test_dice_of_what_is_present_leaves_the_others_to_cross_entropy(batch):
    truth = target(regions=False, classes=2)
    x = logits(classes=4)
    found = x.softmax(1)[:, 1]
    axes = (0, 1, 2, 3) if batch else (1, 2, 3)
    bone = (truth == 1).double()
    dice = (2 * (found * bone).sum(axes) + SMALL) / ((found + bone).sum(axes) + SMALL)
    expected = 1 - dice.mean() + functional.cross_entropy(x, truth)
    value = loss_of("dice_present_ce", classes=4, batch=batch)(x, truth)
    assert value.item() == pytest.approx(expected.item(), abs=1e-12)
    empty = torch.zeros_like(truth)
    value = loss_of("dice_present_ce", classes=4, batch=batch)(x, empty)
    assert value.item() == pytest.approx(functional.cross_entropy(x, empty).item(), abs=1e-12)


def test_keras_dice_and_focal_count_the_background_and_average_over_channels():
    x = torch.tensor([[[[0.0, 0.0]], [[LOG_P, LOG_Q]]]], dtype=torch.float64)
    background = (2 * (1 - Q) + SMALL) / ((1 - P + 1 - Q) + 1 + SMALL)
    bone = (2 * P + SMALL) / (P + Q + 1 + SMALL)
    expected = 1 - (background + bone) / 2 + BY_HAND_CLASSES["focal"]
    assert loss_of("dice_focal", classes=2)(x, torch.tensor([[[1, 0]]])).item() == pytest.approx(expected, abs=1e-12)


def test_focal_of_a_region_weighs_what_lies_outside_three_times():
    x = torch.tensor([[[[LOG_P, LOG_Q]]]], dtype=torch.float64)
    value = loss_of("focal", regions=True, classes=1)(x, torch.tensor([[[[True, False]]]])).item()
    assert value == pytest.approx((focal_term(P) + 3 * focal_term(1 - Q)) / 2, abs=1e-12)


@pytest.mark.parametrize("name", ["dice", "dice_squared", "tversky", "generalized_dice"])
def test_over_the_batch_samples_are_one_and_else_they_are_averaged(name):
    x, truth = logits(), target(False)
    alone = [loss_of(name)(x[n : n + 1], truth[n : n + 1]) for n in range(2)]
    joined = loss_of(name)(torch.cat([x[:1], x[1:]], -1), torch.cat([truth[:1], truth[1:]], -1))
    assert loss_of(name, batch=False)(x, truth).item() == pytest.approx(torch.stack(alone).mean().item())
    assert loss_of(name)(x, truth).item() == pytest.approx(joined.item())


def test_many_integer_types_mean_the_same():
    values = {loss_of("dice_ce")(logits(), target(False).to(t)).item() for t in (torch.uint8, torch.int16, torch.int64)}
    assert len(values) == 1
    region = target(True)
    assert loss_of("dice_ce", regions=True)(logits(), region) == loss_of("dice_ce", regions=True)(
        logits(), region.float()
    )


@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("ignore", [None, 3])
def test_dice_ce_is_nnunets_plus_one(regions, batch, ignore):
    compound = pytest.importorskip("nnunetv2.training.loss.compound_losses")
    soft = pytest.importorskip("nnunetv2.training.loss.dice").MemoryEfficientSoftDiceLoss
    options = {"batch_dice": batch, "smooth": 1e-5, "do_bg": regions, "ddp": False}
    truth = target(regions)
    ours, where = with_ignored(truth, regions) if ignore else (truth, None)
    if regions:
        theirs = compound.DC_and_BCE_loss({}, options, use_ignore_label=bool(ignore), dice_class=soft)
        truth = truth if where is None else torch.cat([truth & ~where[:, None], where[:, None]], 1)
    else:
        theirs = compound.DC_and_CE_loss(options, {}, ignore_label=ignore, dice_class=soft)
        truth = (truth if where is None else torch.where(where, 3, truth))[:, None]
    x, y = (logits(dtype=torch.float32).requires_grad_() for _ in range(2))
    value = loss_of("dice_ce", regions=regions, ignore=ignore, batch=batch)(x, ours)
    expected = theirs(y, truth)
    value.backward()
    expected.backward()
    assert value.item() == pytest.approx(expected.item() + 1, abs=1e-6)
    torch.testing.assert_close(x.grad, y.grad, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "hinge", "classes": 2, "regions": False}, "one of ce"),
        ({"name": "bce", "classes": 2, "regions": False}, "Take ce"),
        ({"name": "ce", "classes": 1, "regions": False}, "background and one structure"),
    ],
)
def test_a_loss_that_makes_no_sense_is_refused(arguments, said):
    with pytest.raises(ConfigError, match=said):
        build(**arguments, ignore=None, batch_dice=True)


def test_logits_and_target_that_do_not_fit_are_refused_with_their_shapes():
    with pytest.raises(ConfigError, match=r"3 channels.*\(2, 4, 4, 6, 5\)"):
        loss_of("ce")(logits(classes=4), target(False))
    with pytest.raises(ConfigError, match="target of shape"):
        loss_of("ce")(logits(), target(True))


def test_deep_weights_halve_and_leave_out_the_coarsest():
    assert weights(4) == pytest.approx((4 / 7, 2 / 7, 1 / 7, 0))
    assert weights(2) == (1, 0)
    assert weights(1) == (1,)


@pytest.mark.parametrize("size", [(4, 6, 5), (2, 3, 5), (2, 3, 3), (1, 1, 1), (3, 4, 2)])
def test_targets_are_downsampled_as_pytorch_does_exactly(size):
    truth = target(False).to(torch.int16)
    (ours,) = downsampled(truth, [size])
    theirs = functional.interpolate(truth[:, None].float(), size, mode="nearest-exact")[:, 0]
    assert ours.dtype == torch.int16
    assert torch.equal(ours.float(), theirs)


def test_large_odd_sizes_are_downsampled_as_pytorch_does():
    line = torch.arange(1001)[None]
    (ours,) = downsampled(line, [(501,)])
    assert torch.equal(ours.double(), functional.interpolate(line[None].double(), 501, mode="nearest-exact")[0])


@pytest.mark.parametrize("regions", [False, True])
def test_deep_supervision_is_the_weighted_sum_of_its_outputs(regions):
    truth, loss = target(regions), loss_of("dice_ce", regions=regions)
    outputs = [logits(), logits(seed=2)[..., :2, :3, :3], logits(seed=3)[..., :1, :1, :1].requires_grad_()]
    coarse = downsampled(truth, [(2, 3, 3)])[0]
    expected = 2 / 3 * loss(outputs[0], truth) + 1 / 3 * loss(outputs[1], coarse)
    assert DeepSupervision(loss)(outputs, truth).item() == pytest.approx(expected.item(), abs=1e-12)


LABELS = Labels.of({"femur": 2, "tibia": 5, "patella": 9}, ignore=7)
MAP = torch.tensor([[OUTSIDE, 0, 2], [5, 9, 7]], dtype=torch.int16)[None]


def test_channels_follow_ascending_ids_and_the_ignore_id_is_marked():
    assert target_of(MAP, class_table(LABELS)).tolist() == [[[0, 0, 1], [2, 3, IGNORE]]]
    assert target_of(MAP, class_table(Labels.of({"femur": 9}))).tolist() == [[[0, 0, 0], [0, 1, 0]]]


def test_a_region_joins_its_ids():
    regions = (Region("bone", (2, 5, 9), 2), Region("knee cap", (9,), 9))
    made = target_of(MAP, region_table(LABELS, regions))
    assert made.dtype == torch.int8
    assert made.tolist() == [[[[0, 0, 1], [1, 1, IGNORE]], [[0, 0, 0], [0, 1, IGNORE]]]]
    value = loss_of("dice_ce", regions=True, classes=2, ignore=7)(torch.zeros((1, 2, 2, 3)), made)
    assert torch.isfinite(value)


def test_the_classes_are_those_that_decide_paints():
    from condyle.predict.decide import Rule

    table = class_table(LABELS)
    for channel, id_ in enumerate(Rule.of(LABELS).ids):
        assert table[id_ + 1] == channel
