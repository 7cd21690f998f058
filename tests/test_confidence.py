"""How far each structure may be trusted: what is planted lowers the number, and the reasons name it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bodies_made import RIGHT, block, person, population
from condyle.config import from_json, to_json
from condyle.errors import DataError, ModelError
from condyle.labels import Labels, without_side
from condyle.phantoms.synthetic.anatomy import LABELS
from condyle.predict.confidence.agreement import looked_again
from condyle.predict.confidence.evidence import Evidence, body_of, gather
from condyle.predict.confidence.fit import PRIOR, Known, fitted, green_limit, unfitted
from condyle.predict.confidence.judge import Confidence, judge_from_json, judge_to_json, judged
from condyle.predict.confidence.looks import LOOKS, USUAL_LOOKS, looked
from condyle.predict.confidence.population import usual_of
from condyle.prepare import Prepared
from condyle.space import Box, Grid, Volume, crop, reorient

KNOWN = population()
JUDGE = unfitted(KNOWN)
SURE = dict.fromkeys(LABELS.ids, (0.97,) * len(USUAL_LOOKS))


def confidence(volume: Volume, agreement=SURE, **how) -> dict[str, Confidence]:
    return judged(gather(volume, LABELS, agreement, KNOWN, looks=len(USUAL_LOOKS), **how), JUDGE)


def evidence(volume: Volume, **how) -> dict[str, Evidence]:
    return gather(volume, LABELS, SURE, KNOWN, **how)


def swapped(array: np.ndarray, *bones: str) -> None:
    for bone in bones:
        left, right = (array == LABELS[f"{bone}_{side}"].id for side in ("left", "right"))
        array[left], array[right] = LABELS[f"{bone}_right"].id, LABELS[f"{bone}_left"].id


@pytest.fixture
def body() -> Volume:
    return person()


def test_a_sound_body_is_green_and_nothing_stands_out(body):
    told = confidence(body)
    assert set(told) == {f"{bone}_{side}" for bone in RIGHT for side in ("left", "right")} | {"sacrum"}
    assert {c.light for c in told.values()} == {"green"}
    assert {c.reasons for c in told.values()} == {("nothing stands out",)}
    assert str(told["sacrum"]).startswith("green 0.9")


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "PIR", "SLA"])
def test_it_does_not_matter_how_the_scan_is_stored(body, orientation):
    turned = reorient(body, orientation)
    assert {name: c.number for name, c in confidence(turned).items()} == pytest.approx(
        {name: c.number for name, c in confidence(body).items()}, abs=1e-3
    )


def test_a_bone_in_two_parts_is_less_sure_and_says_so(body):
    femur = LABELS["femur_right"].id
    sound = confidence(body)["femur_right"].number
    body.array[(body.array == femur) & (np.arange(150) > 70) & (np.arange(150) < 74)] = 0
    told = confidence(body)["femur_right"]
    assert told.number < sound
    assert told.light != "green"
    assert told.reasons[0].startswith("two parts: ")
    assert confidence(body, scattered=("femur_right",))["femur_right"].number > told.number


def test_a_bone_of_twice_its_size_is_less_sure_and_says_so(body):
    sound = confidence(body)["patella_left"].number
    low, high = RIGHT["patella"]
    block(body.array, LABELS["patella_left"].id, (-low[0], low[1], low[2]), (-high[0], high[1] + 18, high[2]))
    told = confidence(body)["patella_left"]
    assert told.number < sound
    assert any("% larger than the other bones let expect" in reason for reason in told.reasons)
    assert evidence(body)["patella_left"].share == pytest.approx(2, rel=0.1)


def test_a_much_larger_one_is_told_in_times(body):
    low, high = RIGHT["patella"]
    block(body.array, LABELS["patella_left"].id, (-low[0], low[1], low[2]), (-high[0] - 24, high[1] + 18, high[2]))
    assert any(
        "times larger than the other bones let expect" in reason for reason in confidence(body)["patella_left"].reasons
    )


def test_a_child_has_small_bones_but_none_is_odd_beside_the_others(body):
    """Of half the length, an eighth of the volume."""
    small = Volume.of(body.array, np.diag([3.0, 3.0, 3.0, 1.0]))
    found = evidence(small)
    assert all(e.size_z < -5 for e in found.values())
    assert all(abs(e.beside_z) < 0.5 for e in found.values())
    assert any("smaller than a usual femur" in reason for reason in confidence(small)["femur_left"].reasons)
    low, high = RIGHT["patella"]
    block(body.array, LABELS["patella_left"].id, (-low[0], low[1], low[2]), (-high[0], high[1] + 18, high[2]))
    assert evidence(small)["patella_left"].beside == pytest.approx(2, rel=0.1)
    assert evidence(small)["femur_left"].beside == pytest.approx(1, rel=0.05)


def test_two_bones_are_too_few_to_tell_which_is_odd(body):
    body.array[~np.isin(body.array, [LABELS["femur_left"].id, LABELS["patella_left"].id])] = 0
    low, high = RIGHT["patella"]
    block(body.array, LABELS["patella_left"].id, (-low[0], low[1], low[2]), (-high[0] - 24, high[1] + 18, high[2]))
    assert evidence(body)["patella_left"].beside is None
    assert any("times larger than a usual patella" in reason for reason in confidence(body)["patella_left"].reasons)


def test_a_bone_without_its_end_is_smaller_and_shaped_unlike_the_others(body):
    tibia = body.array == LABELS["tibia_left"].id
    body.array[tibia & (np.arange(150) < 36)] = 0
    told = confidence(body)["tibia_left"]
    assert "shaped unlike any usual tibia" in told.reasons
    assert any("smaller than the other bones let expect" in reason for reason in told.reasons)


def test_of_a_bone_that_the_border_cuts_size_and_shape_are_not_judged(body):
    shown = crop(body, Box((0, 0, 75), (60, 30, 150)))
    found = evidence(shown)["femur_left"]
    assert found.cut
    assert found.size_z is None
    assert found.shape_z is None
    assert "cut by the border" in confidence(shown)["femur_left"].reasons
    assert not evidence(shown)["hip_left"].cut
    little = crop(body, Box((0, 0, 113), (60, 30, 150)))
    assert "cut by the border, only a small piece in view" in confidence(little)["femur_left"].reasons


def test_the_border_is_that_of_what_was_looked_at(body):
    region = Box((0, 0, 75), (60, 30, 150))
    array = np.zeros_like(body.array)
    array[region.slices] = body.array[region.slices]
    assert not evidence(body.with_array(array))["femur_left"].cut
    assert evidence(body.with_array(array), within=region)["femur_left"].cut


def test_parts_that_go_on_beyond_the_border_are_no_islands(body):
    """A bent bone may leave the scan and come back."""
    shown = crop(body, Box((0, 0, 30), (60, 30, 150)))
    tibia = shown.array == LABELS["tibia_left"].id
    shown.array[tibia & (np.arange(120) > 10) & (np.arange(120) < 14)] = 0
    assert evidence(shown)["tibia_left"].parts == 2
    assert evidence(shown)["tibia_left"].islands == 0


def test_a_single_slice_has_no_border_across(body):
    flat = crop(body, Box((0, 0, 90), (60, 30, 91)))
    assert not evidence(flat)["femur_left"].cut


def test_thighs_with_the_names_of_the_other_side_are_found_out(body):
    swapped(body.array, "femur")
    told = confidence(body)
    assert told["femur_left"].reasons == ("named left, but lies on the right",)
    assert told["femur_right"].reasons == ("named right, but lies on the left",)
    assert told["femur_left"].light == "red"
    assert {c.light for name, c in told.items() if not name.startswith("femur")} == {"green"}


def test_a_body_with_all_sides_swapped_is_red_all_over(body):
    swapped(body.array, *RIGHT)
    assert {c.light for name, c in confidence(body).items() if name != "sacrum"} == {"red"}


def test_crossed_legs_are_no_swapped_sides(body):
    """Each tibia ends under its own femur, and then runs far to the other side."""
    for side, sign in (("right", 1), ("left", -1)):
        for bone in ("tibia", "fibula"):
            body.array[body.array == LABELS[f"{bone}_{side}"].id] = 0
        id_ = LABELS[f"tibia_{side}"].id
        depth = (-60, -6) if sign > 0 else (6, 60)
        block(body.array, id_, (72 * sign, -24, -420), (108 * sign, 24, -366))
        block(body.array, id_, (-132, depth[0], -480), (132, depth[1], -420))
        block(body.array, id_, (-132 * sign, depth[0], -700), (-60 * sign, depth[1], -480))
    found = evidence(body)
    assert not found["tibia_left"].wrong_side
    assert not found["tibia_right"].wrong_side


def test_a_single_leg_is_compared_with_the_sacrum_and_with_what_it_touches(body):
    keep = [LABELS[name].id for name in ("hip_left", "femur_left", "tibia_left", "sacrum")]
    body.array[~np.isin(body.array, keep)] = 0
    assert not any(e.wrong_side for e in evidence(body).values())
    body.array[body.array == LABELS["tibia_left"].id] = LABELS["tibia_right"].id
    assert evidence(body)["tibia_right"].wrong_side
    assert not evidence(body)["femur_left"].wrong_side
    body.array[body.array == LABELS["sacrum"].id] = 0
    body.array[body.array == LABELS["hip_left"].id] = 0
    body.array[body.array == LABELS["femur_left"].id] = 0
    assert evidence(body)["tibia_right"].lies_on is None


def test_what_changed_pictures_do_not_show_is_red(body):
    lost = {**SURE, LABELS["hip_left"].id: (0.0,) * 3, LABELS["hip_right"].id: (0.9, 0.96, 0.6)}
    told = confidence(body, lost)
    assert told["hip_left"].light == "red"
    assert told["hip_left"].reasons == ("changed pictures show none of it",)
    assert told["hip_right"].reasons == ("changed pictures give another outline: Dice 0.82",)
    only_later = {id_: values for id_, values in SURE.items() if id_ != LABELS["hip_left"].id}
    assert confidence(body, only_later)["hip_left"].light == "red"


def test_volume_and_spread_are_those_of_bricks():
    body = body_of(np.ones((4, 6, 10), bool), np.diag([2.0, 1.0, 3.0, 1.0]))
    assert body.volume_ml == pytest.approx(8 * 6 * 30 / 1000)
    assert np.diag(body.spread_mm2) == pytest.approx([64 / 12, 36 / 12, 900 / 12])
    assert body.scaled(np.array([2.0, 1, 1])).volume_ml == pytest.approx(2 * body.volume_ml)
    twice = body.scaled(np.full(3, 2.0))
    assert twice.shape == pytest.approx(body.shape)
    usual = usual_of([body, twice])
    assert usual.size_z(body) == pytest.approx(-usual.size_z(twice))
    assert usual.shape_z(body) == pytest.approx(0, abs=1e-6)


def ball(shape=(40, 44, 48), centre=(14, 18, 20), radius=10) -> Prepared:
    """A bright ball, off the middle."""
    far = np.sqrt(sum((x - c) ** 2 for x, c in zip(np.indices(shape), centre, strict=True)))
    image = np.clip(radius - far, -1, 1).astype(np.float32)
    grid = Grid(shape, np.diag([3.0, 3.0, 3.0, 1.0]))
    return Prepared(image[None], grid, grid, None)


def threshold(image: np.ndarray, exchanged: bool) -> np.ndarray:
    """A network that looks at one voxel at a time, and has no sides."""
    del exchanged
    return (image[0] > 0).astype(np.uint8)


def test_what_only_turns_or_grows_the_scan_is_undone():
    prepared = ball()
    plain = threshold(prepared.array, False)
    (dice,) = looked_again(threshold, prepared, plain, tuple(LOOKS), np.random.default_rng(0)).values()
    by_look = dict(zip(LOOKS, dice, strict=True))
    assert by_look["mirrored"] == 1
    assert min(by_look["turned"], by_look["grown"]) > 0.95
    # The ball stands out from any noise and contrast.
    assert min(dice) > 0.9


def test_on_flat_pictures_every_look_is_undone_exactly():
    prepared = ball()
    flat = replace(prepared, array=np.ones_like(prepared.array))
    plain = threshold(flat.array, False)
    assert set(looked_again(threshold, flat, plain, tuple(LOOKS), np.random.default_rng(0))[1]) == {1.0}


def test_changes_follow_each_other_and_two_exchanges_are_none():
    prepared, asked = ball(), []

    def ask(image, exchanged):
        asked.append((image, exchanged))
        return threshold(image, exchanged)

    for name in ("mirrored+contrasted", "mirrored+mirrored", "noisy+mirrored"):
        looked(name, ask, prepared.array, prepared.grid, np.random.default_rng(0))
    looked("noisy", ask, prepared.array, prepared.grid, np.random.default_rng(0))
    assert [exchanged for _, exchanged in asked] == [True, False, True, False]
    assert np.array_equal(asked[1][0], prepared.array)
    assert np.array_equal(asked[2][0], asked[3][0])
    assert not np.array_equal(asked[0][0], prepared.array)


def test_what_no_changed_look_finds_agrees_not_at_all():
    prepared = ball()
    plain = threshold(prepared.array, False)
    blind = looked_again(lambda image, _: np.zeros(image.shape[1:], np.uint8), prepared, plain, ("noisy",),
                         np.random.default_rng(0))  # fmt: skip
    assert blind == {1: (0.0,)}


def drawn(count: int, seed: int) -> list[Known]:
    """Structures whose chance to be right follows a known rule."""
    rng = np.random.default_rng(seed)
    out = []
    truth = replace(JUDGE, intercept=6.0, weights={"agreement": 1.5, "islands": 5.0}, offsets={"patella": -1.0})
    for _ in range(count):
        name = str(rng.choice(["femur_left", "femur_right", "patella_left"]))
        level = 1 / (1 + np.exp(-rng.normal(2.0, 2.0)))
        one = Evidence((level,) * 5, islands=float(rng.choice([0.0, rng.uniform(0, 0.4)])))
        out.append(Known(name, one, 0.9 if rng.random() < truth.number(name, one) else 0.5))
    return out


def test_calibration_finds_the_rule_behind_the_numbers():
    judge = fitted(drawn(6000, seed=1), JUDGE, {"pictures": 100})
    # All looks agree alike, so that only the sum of both weights can be told.
    assert judge.weights["agreement"] + judge.weights["weakest"] == pytest.approx(1.5, abs=0.2)
    assert judge.weights["islands"] == pytest.approx(5, abs=0.8)
    assert judge.offsets["patella"] - judge.offsets["femur"] == pytest.approx(-1, abs=0.3)
    assert judge.record == {"pictures": 100}
    others = drawn(4000, seed=2)
    numbers = np.array([judge.number(one.name, one.evidence) for one in others])
    right = np.array([one.dice >= judge.dice for one in others])
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
        own = (numbers >= low) & (numbers < high)
        assert numbers[own].mean() == pytest.approx(right[own].mean(), abs=0.06)
    green = numbers >= judge.green
    assert green.mean() > 0.1
    assert (~right[green]).mean() < 0.07


def test_what_the_pictures_do_not_show_keeps_its_weight_and_nothing_odd_ever_helps():
    known = [
        Known("femur_left", Evidence((0.9,), size_z=3.0 if n % 10 else 0.0), 0.9 if n % 10 else 0.5) for n in range(400)
    ]
    judge = fitted(known, JUDGE)
    assert judge.weights["side"] == pytest.approx(PRIOR["side"][0], abs=0.01)
    assert judge.weights["size"] == 0


def test_where_all_are_right_or_none_there_is_nothing_to_learn():
    for dice in (0.9, 0.1):
        with pytest.raises(DataError, match="structures that are right and some that are wrong"):
            fitted([Known("femur_left", Evidence((0.9,)), dice)] * 9, JUDGE)


def test_green_begins_where_few_enough_are_wrong():
    numbers = np.linspace(0, 1, 101)
    assert green_limit(numbers, np.ones(101, bool)) == 0
    right = numbers > 0.4
    limit = green_limit(numbers, right)
    assert (~right[numbers >= limit]).mean() <= 0.05
    assert 0.35 < limit <= 0.41
    assert green_limit(numbers, np.zeros(101, bool)) == 1
    # Equal numbers get one light.
    assert green_limit(np.array([0.9] * 50 + [0.8] * 50), np.array([True] * 90 + [False] * 10)) == 0.9


def test_a_judge_comes_back_from_its_file():
    judge = replace(JUDGE, scattered=("spine",), record={"pictures": 3})
    again = judge_from_json(judge_to_json(judge), "confidence.json")
    assert again == judge
    told = Confidence(0.9, "green", ("nothing stands out",), {"mirrored": 0.9}, 0.85)
    assert from_json(Confidence, to_json(told), "x") == told


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"green": 0.2}, "yellow <= green"),
        ({"dice": 1.5}, "a Dice within 0 and 1"),
        ({"looks": ["upside_down"]}, "or some joined by"),
        ({"weights": {"size": -1.0}}, "weights of 0 or more"),
        ({"weights": {"beauty": 1.0}}, "got beauty"),
        ({"dice": "much"}, "a float"),
        ({"more": 1}, "keys among"),
    ],
)
def test_a_judge_that_makes_no_sense_is_refused_with_its_file(change, message):
    with pytest.raises(ModelError, match=message) as caught:
        judge_from_json({**judge_to_json(JUDGE), **change}, "confidence.json")
    assert "confidence.json" in str(caught.value)


def test_names_without_their_side():
    assert [without_side(n) for n in ("femur_left", "left hip", "liver", "left")] == ["femur", "hip", "liver", "left"]
    assert gather(person(), Labels.of({"anything": 3}), {}, {})["anything"].lies_on is None
