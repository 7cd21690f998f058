"""A study file becomes a list of commands that anyone can run by hand; what it says wrongly is named with its line."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from condyle.cli.app import make_app
from condyle.config import from_json, to_json
from condyle.errors import ConfigError
from condyle.jobs.energy import EnergyMeter, card_counters, counters, used_kj
from condyle.recipe import RECIPES, Recipe
from condyle.studies import Study, expand, read_study
from condyle.studies.configurations import configurations
from condyle.studies.flags import flags
from condyle.studies.space import Range, space_of
from condyle.studies.step import rounds
from condyle.studies.yaml_text import read_yaml

SHIPPED = Path(__file__).resolve().parents[1] / "studies"
NAMES = ("lang", "abdomen", "knee", "limb", "relabel")

#: The smallest study there is.
SMALL = """\
name: small
title: A small study
datasets:
  bones:
    phantom: {kind: proximal_femur, count: 4}
models:
  net:
    data: bones
    label_sets: [truth]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def steps(text: str, folder: Path, **more):
    return expand(read_study(written(folder, text), **more))


@pytest.mark.parametrize("scale", ["full", "tiny"])
def test_the_grid_of_the_femur_study_has_22_configurations_and_four_final_trainings(scale):
    study = read_study(SHIPPED / "lang.yaml", scale=scale)
    kinds = Counter(step.kind for step in expand(study))
    grid = [c for c in configurations(study) if not c.entry.best_of]
    assert len(grid) == 22
    assert kinds["train"] == 22 + 4  # 2-D and 3-D, each from corrected and from filled masks
    assert kinds["choose"] == 2
    assert kinds["evaluate"] == 8  # both label sets crossed: 2 networks x 2 learnt x 2 judging
    assert kinds["segment"] == 4


def test_trained_on_fill_and_tested_on_corrected_is_one_line_of_the_file():
    lines = [str(step) for step in expand(read_study(SHIPPED / "lang.yaml"))]
    assert "condyle train data/femora -o models/final-3d.fill --recipe chosen/final-3d.json --epochs 1000 --seed 0 " \
        "--label-set fill --fold all" in lines  # fmt: skip
    crossed = "condyle evaluate masks/test/final-3d.fill data/femora/labels/manual " \
        "--out scores/test/final-3d.fill.by-corrected.csv --part test"  # fmt: skip
    assert crossed in lines


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", ["full", "tiny"])
def test_every_command_of_a_shipped_study_has_a_verb_and_options_that_exist(name, scale):
    """Each line is parsed by the command line itself, without being run."""
    seen = set()
    for step in expand(read_study(SHIPPED / f"{name}.yaml", scale=scale)):
        words = shlex.split(str(step))
        kind = (words[1], tuple(w for w in words if w.startswith("-")))
        if kind in seen:
            continue
        seen.add(kind)
        # An unknown option is told before --help is looked at.
        result = CliRunner().invoke(make_app(words[1]), [*words[1:], "--help"])
        assert result.exit_code == 0, f"{step}\n{result.output}"


@pytest.mark.parametrize("name", NAMES)
def test_every_step_waits_for_steps_above_it_and_has_a_name_of_its_own(name):
    listed = expand(read_study(SHIPPED / f"{name}.yaml"))
    ids = [step.id for step in listed]
    assert len(set(ids)) == len(ids)
    for n, step in enumerate(listed):
        assert set(step.after) <= set(ids[:n])
    assert sum(map(len, rounds(listed))) == len(listed)
    assert all(step.kind in {"phantom", "fill", "folds"} for step in rounds(listed)[0])


def test_the_same_file_gives_the_same_list_and_survives_json():
    study = read_study(SHIPPED / "limb.yaml")
    again = from_json(Study, to_json(study), "study.json")
    assert [str(s) for s in expand(study)] == [str(s) for s in expand(again)]


def test_donors_are_parted_as_wholes_in_every_shipped_study():
    """There is no way to say anything else: the one splitting command parts groups, and each training waits for it."""
    for name in NAMES:
        listed = {step.id: step for step in expand(read_study(SHIPPED / f"{name}.yaml"))}
        for step in listed.values():
            if step.kind == "train":
                assert any(listed[id_].kind == "folds" for id_ in step.after)


def test_a_dataset_given_on_the_command_line_takes_the_place_of_phantoms(tmp_path):
    listed = steps(SMALL, tmp_path, data={"bones": tmp_path / "mine"}, label_sets={"truth": "by_hand"})
    assert [step.kind for step in listed] == ["folds", "train"]
    assert str(tmp_path / "mine") in listed[1].command
    assert "by_hand" in listed[1].command


def test_paths_of_commands_can_be_put_below_any_folder(tmp_path):
    train = steps(SMALL, tmp_path)[-1]
    assert train.command[2] == "data/bones"
    assert train.at(Path("/there"))[2] == "/there/data/bones"
    assert "truth" in train.at(Path("/there"))  # a word that is no path stays


def test_seeds_are_trainings_of_their_own_that_count_as_one_model(tmp_path):
    text = (
        SMALL
        + """\
  other: {data: bones, label_sets: [truth], change: {epochs: 3}}
seeds: [1, 2]
questions:
  which: {ask: which, models: [net, other]}
"""
    )
    *_, compare = listed = steps(text, tmp_path)
    assert [s.id for s in listed if s.kind == "train"] == ["train-net@1", "train-net@2", "train-other@1",
                                                           "train-other@2"]  # fmt: skip
    assert [w for w in compare.command if "@" in w and "/" not in w] == ["net@1", "net@2", "other@1", "other@2"]


def test_a_grid_may_run_over_recipes_and_can_be_drawn_from(tmp_path):
    over = SMALL + "    over: {recipe: [quick, nnunet], rate: [1e-4, 1e-3, 1e-2], batch: [2, 4]}\n"
    study = read_study(written(tmp_path, over))
    assert len(configurations(study)) == 12
    drawn = read_study(written(tmp_path, over + "    pick: 5\n"))
    picked = [c.id for c in configurations(drawn)]
    assert len(picked) == 5
    assert picked == [c.id for c in configurations(drawn)]
    assert set(picked) < {c.id for c in configurations(study)}
    assert {c.recipe for c in configurations(study)} == {"quick", "nnunet"}


def test_a_transfer_begins_with_the_training_it_names(tmp_path):
    text = SMALL + "  tuned: {data: bones, label_sets: [truth], start: net}\n"
    tuned = steps(text, tmp_path)[-1]
    assert tuned.command[tuned.command.index("--start") + 1] == "models/net"
    assert "train-net" in tuned.after


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (SMALL.replace("label_sets", "label_set"), 9, "label_set"),
        (SMALL + "    change: {rat: 1e-3}\n", 10, "rat"),
        (SMALL + "    change: {rate: fast}\n", 10, "fast"),
        (SMALL + "    change: {dim: 4}\n", 10, "4"),
        (SMALL + "    recipe: lang-4d\n", 10, "lang-4d"),
        (SMALL + "    over: {batches: [2]}\n", 10, "batches"),
        (SMALL + "    over: {batch: []}\n", 10, "none"),
        (SMALL + "    fold: 0\n", 10, "0"),
        (SMALL.replace("data: bones", "data: stones"), 8, "stones"),
        (SMALL.replace("phantom:", "folds: {count: 3} #"), 4, "neither"),
        (SMALL + "    start: later\n", 10, "later"),
        (SMALL + "    change: {seed: 3}\n", 10, "3"),
        (SMALL + "seeds: []\n", 10, "()"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, line, told):
    with pytest.raises(ConfigError) as caught:
        steps(text, tmp_path)
    assert f"study.yaml, line {line}" in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SMALL + "name: twice\n", "name again"),
        (SMALL + "models: [\n", "line"),
        ("- a\n- list\n", "a table of keys"),
        (SMALL + "questions: {q: {ask: which, models: [net, nothing]}}\n", "nothing"),
        (SMALL + "questions: {q: {ask: which, models: [gone/net, net]}}\n", "gone"),
        (SMALL + "questions: {q: {ask: which}}\n", "both or neither"),
        (SMALL + "    fold: all\nquestions: {q: {ask: which, models: [net]}}\n", "held cases out"),
        (SMALL + "    fold: all\n  best: {data: bones, best_of: [net]}\n", "held cases out"),
        (SMALL + "  best: {data: bones, best_of: [net], recipe: quick}\n", "both"),
        (SMALL + "    fold: all\nevaluate: {e: {models: [net], data: bones, part: held-out}}\n", "held out"),
        (SMALL.replace("name: small", "name: two words"), "two words"),
        (SMALL + "scales: [1]\n", "line 10: scales: expected a table of names"),
        (SMALL + "scales:\n  tiny: 3\n", "line 11: scales: tiny: expected a table of keys"),
        (SMALL + "x: &a [*a]\n", "contains itself"),
        (SMALL + "notes: {{folder}}\n", "line 10: expected keys that are words"),
        (SMALL + "seeds: [3, -1]\n", r"line 10: seeds: expected numbers of 0 or more, got -1\.$"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, text, told):
    with pytest.raises(ConfigError, match=told):
        steps(text, tmp_path)


def test_an_unknown_scale_or_dataset_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="huge"):
        steps(SMALL, tmp_path, scale="huge")
    with pytest.raises(ConfigError, match="stones"):
        steps(SMALL, tmp_path, data={"stones": tmp_path})
    with pytest.raises(ConfigError, match="--data"):
        steps(SMALL, tmp_path, label_sets={"truth": "x"})
    with pytest.raises(ConfigError, match="a study file"):
        read_study(tmp_path / "none.yaml")


def test_a_scale_without_keys_is_the_file_as_it_stands(tmp_path):
    assert steps(SMALL + "scales: {tiny: }\n", tmp_path, scale="tiny") == steps(SMALL, tmp_path)


def test_words_and_numbers_are_what_people_mean(tmp_path):
    path = written(tmp_path, "a: off\nb: 1e-4\nc: .5\nd: true\ne: 2020-01-01\nf: 12\ng: -3.\nh: no\n")
    assert read_yaml(path)[0] == {
        "a": "off", "b": 1e-4, "c": 0.5, "d": True, "e": "2020-01-01", "f": 12, "g": -3.0, "h": "no",
    }  # fmt: skip


def test_values_become_words_of_a_command_line_and_back():
    told = {"batch": 2, "rate": 1e-4, "patch": [16, 8], "mirror": "off", "compiled": False, "freeze": ["encoder"]}
    assert flags({**told, "batch_dice": None}) == [
        "--batch", "2", "--rate", "0.0001", "--patch", "16,8", "--mirror", "off", "--no-compiled",
        "--freeze", "encoder",
    ]  # fmt: skip
    assert flags({"freeze": []}) == ["--freeze", ""]


def test_a_recipe_is_read_back_from_the_file_it_was_stored_in(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(to_json(RECIPES["limb-resnet34"])), encoding="utf-8")
    assert Recipe.named(str(path)) == RECIPES["limb-resnet34"]
    path.write_text('{"bach": 3}', encoding="utf-8")
    with pytest.raises(ConfigError, match="bach"):
        Recipe.named(str(path))
    with pytest.raises(ConfigError, match="a JSON file"):
        Recipe.named(str(tmp_path / "none.json"))


def test_energy_is_counted_over_a_counters_start_and_not_made_up(tmp_path):
    for name, count in (("intel-rapl:0", 900), ("intel-rapl:1", 50)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(str(count * 10**6))
        (tmp_path / name / "max_energy_range_uj").write_text(str(1000 * 10**6))
    before = counters(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text(str(100 * 10**6))
    assert used_kj(before, counters(tmp_path)) == pytest.approx(0.2)
    assert used_kj({}, {}) is None
    assert counters(tmp_path / "none") == {}
    assert card_counters("no-such-library.so") == {}


def test_a_meter_counts_on_however_often_a_counter_starts_over(tmp_path):
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    (package / "max_energy_range_uj").write_text(str(1000 * 10**6))
    looked = threading.Semaphore(0)

    def stands_at(joules: int) -> None:
        """Set the counter, and wait until the meter has seen it."""
        (tmp_path / "next").write_text(str(joules * 10**6))
        (tmp_path / "next").replace(package / "energy_uj")
        while looked.acquire(blocking=False):  # looks at what it stood at before
            pass
        for _ in range(2):  # one look may have begun before
            assert looked.acquire(timeout=60)

    def look() -> dict[str, tuple[int, int]]:
        found = counters(tmp_path)
        looked.release()
        return found

    (package / "energy_uj").write_text(str(900 * 10**6))
    with EnergyMeter(look, every_s=0.001) as meter:
        for joules in (100, 800, 50, 60):
            stands_at(joules)
        assert meter.used_kj() == pytest.approx((200 + 700 + 250 + 10) / 1000)
        (package / "energy_uj").unlink()
        assert meter.used_kj() is None


def test_a_meter_of_a_machine_that_tells_nothing_makes_no_number_up(tmp_path):
    with EnergyMeter(lambda: counters(tmp_path)) as meter:
        assert meter.used_kj() is None


#: Answers like NVIDIA's library for two cards, the second of which is too old to count.
_LIKE_NVML = """
int begun = 0;
int nvmlInit_v2(void) { return begun++ && 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned n, void **handle) { *handle = (void *)(long)(n + 1); return 0; }
int nvmlDeviceGetTotalEnergyConsumption(void *handle, unsigned long long *mj)
{ *mj = 5000ULL * begun; return handle == (void *)1 ? 0 : 3; }
"""


def test_the_energy_of_graphics_cards_is_that_of_those_that_count_it(tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("no compiler")
    source, library = tmp_path / "nvml.c", tmp_path / "nvml.so"
    source.write_text(_LIKE_NVML)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    before = card_counters(str(library))
    assert before == {"nvidia:0": (5_000_000, 1 << 64)}
    assert used_kj(before, card_counters(str(library))) == pytest.approx(0.005)
    source.write_text(_LIKE_NVML.replace("begun++ && 0", "9"))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "none.so", source], check=True)
    assert card_counters(str(tmp_path / "none.so")) == {}


def test_a_search_comes_before_the_training_that_uses_what_it_found(tmp_path):
    text = (
        SMALL
        + """\
    fold: all
    change: {epochs: 100}
    search: {over: {rate: 1e-4..1e-2, network: "plain,quick"}, trials: 3, change: {epochs: 2}}
"""
    )
    *_, search, train = steps(text, tmp_path)
    assert str(search) == (
        "condyle search data/bones -o search/net --recipe default --epochs 2 --over rate=1e-4..1e-2 "
        "--over network=plain,quick --method tpe --trials 3 --seed 0 --label-set truth --fold 0"
    )
    assert search.id in train.after
    assert "--recipe search/net/best.json --epochs 100" in str(train)


def test_a_search_knows_ranges_choices_and_their_kinds():
    space = space_of(["rate=1e-4..1e-2", "batch=2..8", "augment=light,none", "batch_dice=true,false"])
    assert space["rate"] == Range(1e-4, 1e-2, whole=False)
    assert space["rate"].by_magnitude
    assert not space["batch"].by_magnitude
    assert space["augment"].values == ("light", "none")
    assert space["batch_dice"].values == (True, False)


@pytest.mark.parametrize(
    "over",
    [[], ["rate"], ["rate=1..2", "rate=3..4"], ["bach=1..2"], ["rate=2..1"], ["batch=a..b"], ["loss=dice..ce"],
     ["loss=dyce"], ["rate=nan..1"], ["rate=0..inf"], [f"epochs=1..{10**400}"], ["compiled=maybe"], ["seed=1..2"]],
)  # fmt: skip
def test_a_search_that_makes_no_sense_is_refused(over):
    with pytest.raises(ConfigError):
        space_of(over)


def test_a_wrong_search_is_named_with_its_line(tmp_path):
    with pytest.raises(ConfigError, match="line 11: models: net: search: over: rate"):
        steps(SMALL + "    search:\n      over: {rate: 2..1}\n", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_every_study_has_a_notebook_without_outputs(name):
    notebook = json.loads((SHIPPED.parent / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert any(f"studies/{name}.yaml" in "".join(cell["source"]) for cell in cells)
