"""Labels: names, sides and partners; remapping and joining that never add numbers up."""

from __future__ import annotations

import numpy as np
import pytest

from condyle.errors import ConfigError, DataError
from condyle.labels import (
    Labels,
    Structure,
    default_color,
    id_counts,
    join_masks,
    label_type,
    present_ids,
    remap,
    side_of,
)

LEGS = {"femur_left": 1, "femur_right": 2, "patella": 3}


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("femur_right", "right"),
        ("Left kidney", "left"),
        ("kidney-left", "left"),
        ("liver", None),
        ("brightness", None),
        ("cleft", None),
    ],
)
def test_the_side_is_a_word_of_the_name(name, side):
    assert side_of(name) == side


def test_partners_follow_from_names_and_point_back():
    labels = Labels.of(LEGS)
    assert labels["femur_left"].mirror == "femur_right"
    assert labels["femur_right"].mirror == "femur_left"
    assert labels["patella"].mirror is None
    assert labels.mirror_table() == {1: 2, 2: 1, 3: 3}


def test_a_side_without_its_partner_has_none():
    assert Labels.of({"femur_left": 1})["femur_left"].mirror is None


@pytest.mark.parametrize(
    "names", [("Right kidney", "Left kidney"), ("FEMUR_RIGHT", "FEMUR_LEFT"), ("r-right", "r-left")]
)
def test_partners_keep_the_writing_of_their_names(names):
    labels = Labels.of({names[0]: 1, names[1]: 2})
    assert labels.mirror_table() == {1: 2, 2: 1}


def test_json_there_and_back_is_the_same_table():
    labels = Labels.of(LEGS, ignore=9, regions={"bone": (1, 2, 3)}, colors={"patella": (1, 2, 3)})
    assert Labels.from_json(labels.to_json()) == labels


@pytest.mark.parametrize(
    "make",
    [
        lambda: Labels.of({"a": 1, "b": 1}),
        lambda: Labels.of({"a": 0}),
        lambda: Labels.of({"a": 70000}),
        lambda: Labels((Structure(1, "a_left", (1, 2, 3), "left", "a_left"),)),
        lambda: Labels.of({"a": 1}, ignore=1),
        lambda: Labels.of({"a": 1}, regions={"all": (1, 2)}),
        lambda: Labels.of({"a": 1})["b"],
        lambda: Labels.from_json({}),
        lambda: Labels.from_json({"structures": [], "extra": 1}),
        lambda: Labels.from_json({"structures": [{"id": 1, "name": "a", "color": "red"}]}),
        lambda: Labels.from_json({"structures": [{"id": 1, "name": "a", "color": "#ff0000", "mirror": "b"}]}),
        lambda: Labels.from_json(
            {"structures": [{"id": i, "name": n, "color": "#ff0000"} for i, n in ((1, "a"), (2, "a"))]}
        ),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_known_structures_have_one_colour_and_the_left_is_darker():
    assert default_color("femur_right", 1) == default_color("femur", 7)
    assert sum(default_color("femur_left", 1)) < sum(default_color("femur_right", 1))
    assert default_color("x", 1) != default_color("x", 2)


def test_thirteen_organs_become_four():
    """Source B's remap; every other id is dropped aloud, by name of the table."""
    organs = np.arange(14).reshape(2, 7)
    table = dict.fromkeys(range(1, 14), 0) | {1: 1, 2: 2, 13: 3, 3: 4}
    out = remap(organs, table)
    assert out.dtype == np.uint8
    assert out.ravel().tolist() == [0, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]


def test_an_id_the_table_does_not_name_is_an_error():
    with pytest.raises(DataError, match="also 5"):
        remap(np.array([0, 1, 5]), {1: 2})


def test_overlapping_masks_join_by_priority_never_by_sum():
    """Source E added its masks: tibia 1 + femur 2 became fibula 3."""
    tibia, femur = np.array([1, 1, 0, 0]), np.array([0, 255, 255, 0])
    assert join_masks([(1, tibia), (2, femur)], (4,)).tolist() == [1, 1, 2, 0]
    assert join_masks([(2, femur), (1, tibia)], (4,)).tolist() == [1, 2, 2, 0]
    assert join_masks([], (4,)).tolist() == [0, 0, 0, 0]


def test_the_smallest_type_that_holds_the_ids():
    assert label_type(255) is np.uint8
    assert label_type(256) is np.uint16
    assert list(present_ids(np.array([0, 3, 3, 7]))) == [3, 7]
    large = np.zeros((128, 128, 130), np.uint8, order="F")
    large[5, 6, 7], large[-1, -1, -1] = 200, 9
    assert list(present_ids(large)) == list(present_ids(large[:, ::-1])) == [9, 200]
    counts = id_counts(large, 300)
    assert (len(counts), counts[0], counts[9], counts[200]) == (301, large.size - 2, 1, 1)
