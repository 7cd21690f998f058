"""Training small networks: they learn, and what decides over a training does so."""

from __future__ import annotations

import logging
import math
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from condyle.augment import build as build_augmentation
from condyle.config import Channel, Plan
from condyle.data.store import open_store
from condyle.errors import ConfigError, DataError, ModelError
from condyle.losses.targets import class_table
from condyle.nets.build import FAMILIES
from condyle.training import World, drawn, freeze
from condyle.training.arithmetic import Arithmetic
from condyle.training.learner import Learner
from datasets import small_dataset
from training_toys import KINDS, RECIPE, batches, config, loss, numbers, rows, train, validation


def test_the_loss_falls_and_structures_are_found(tmp_path):
    history = train(tmp_path, replace(RECIPE, epochs=5, iterations=12), structures=("femur", "tibia"))
    assert history.finished
    assert history.why == "all 5 epochs are done"
    assert history.epochs[-1].loss < 0.75 * history.epochs[0].loss
    assert history.epochs[-1].dice["tibia"] > 0.8
    assert history.epochs[-1].steps == 60


DEEP = [(kind, True) for kind in KINDS if FAMILIES[kind].deepens]


@pytest.mark.parametrize(("kind", "deep"), [*((kind, False) for kind in KINDS), *DEEP])
def test_every_kind_of_network_trains(tmp_path, kind, deep):
    made = config(kind=kind, deep_supervision=deep, **KINDS[kind])
    patch = (8,) * made.dim
    recipe = replace(RECIPE, epochs=1, iterations=3, rate=1e-3)
    net = drawn(made, 0)
    before = {k: v.clone() for k, v in net.named_parameters()}
    history = train(
        tmp_path, recipe, net, batches=batches(recipe, patch=patch), validation=validation(recipe, patch=patch)
    )
    assert math.isfinite(history.epochs[0].loss + history.epochs[0].val_loss)
    still = [k for k, v in net.named_parameters() if torch.equal(v, before[k]) and v.abs().max() > 0]
    assert still == []


def test_regions_that_overlap_are_learned_and_scored(tmp_path):
    table = torch.tensor([[0, 0, 1, 0, 1], [0, 0, 0, 0, 1]], dtype=torch.int8)
    recipe = replace(RECIPE, epochs=3, iterations=10)
    history = train(
        tmp_path,
        recipe,
        drawn(config(out_channels=2), 0),
        loss=loss(classes=2, regions=True),
        batches=batches(recipe, table=table),
        validation=validation(recipe, table=table),
        structures=("bone", "tibia"),
    )
    assert history.epochs[-1].dice["bone"] > 0.5


def test_a_stored_dataset_is_learned_from(tmp_path):
    dataset = small_dataset(tmp_path / "data")
    plan = Plan(config(out_channels=4), (Channel("CT", "zscore"),), (None, None, None), (8, 8, 8))
    store = open_store(dataset, plan, "reference")
    store.prepare()
    recipe = replace(RECIPE, epochs=1)
    data = {"cases": store, "table": class_table(dataset.labels)}
    history = train(
        tmp_path / "out",
        recipe,
        drawn(plan.net, 0),
        loss=loss(classes=4),
        batches=batches(recipe, ("a", "b"), augment=build_augmentation("nnunet", (8, 8, 8)), **data),
        validation=validation(recipe, ids=("c",), **data),
        structures=dataset.labels.names,
    )
    assert history.epochs[0].dice.keys() == {"femur_left", "femur_right", "patella"}


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_training_twice_gives_the_same_bits(tmp_path, optimizer):
    recipe = replace(RECIPE, optimizer=optimizer, rate=1e-3, momentum=0.9, deterministic=True)
    runs = [train(tmp_path / name, recipe, batches=batches(recipe, workers=n)) for name, n in (("a", 1), ("b", 3))]
    assert numbers(runs[0]) == numbers(runs[1])
    one, two = (load_file(run.weights) for run in runs)
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_another_seed_is_another_training(tmp_path):
    one, two = (train(tmp_path / str(seed), replace(RECIPE, seed=seed)) for seed in (0, 1))
    assert one.epochs[0].loss != two.epochs[0].loss


def test_what_the_caller_draws_at_random_is_left_alone(tmp_path):
    net = drawn(config(), 0)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(tmp_path, replace(RECIPE, epochs=1), net)
    assert torch.equal(torch.rand(3), expected)


def test_the_best_epochs_weights_are_kept(tmp_path):
    """A rate so large that the network forgets: the best epoch is not the last one."""
    recipe = replace(RECIPE, epochs=5, rate=3e-2, schedule="constant", average=0.0, patience=0)
    kept = []

    def watching(steps, what):
        del what
        if (tmp_path / "best.safetensors").exists():
            kept.append(load_file(tmp_path / "best.safetensors"))
        yield from steps

    history = train(tmp_path, recipe, track=watching)
    smoothed = [e.smoothed_dice for e in history.epochs]
    assert history.best_epoch == 1 + smoothed.index(max(smoothed))
    best = load_file(history.weights)
    if history.best_epoch < 5:
        assert all(torch.equal(best[k], kept[history.best_epoch - 1][k]) for k in best)
    again = drawn(config(), 0)
    again.load_state_dict(best)
    learner = Learner(again, loss(), recipe, Arithmetic(torch.device("cpu"), bf16=False, compiled=False), World())
    found = learner.validate(validation(recipe))
    assert found.dice == tuple(history.epochs[history.best_epoch - 1].dice.values())


def test_the_smoothed_dice_is_a_running_average(tmp_path):
    history = train(tmp_path, replace(RECIPE, epochs=3))
    one, two, three = history.epochs
    assert one.smoothed_dice == one.mean_dice
    assert two.smoothed_dice == pytest.approx(0.9 * one.mean_dice + 0.1 * two.mean_dice)
    assert three.smoothed_dice == pytest.approx(0.9 * two.smoothed_dice + 0.1 * three.mean_dice)


def test_without_improvement_training_stops_early(tmp_path):
    recipe = replace(RECIPE, epochs=20, rate=1e-12, weight_decay=0.0, patience=3, average=0.0)
    history = train(tmp_path, recipe)
    assert history.finished
    assert len(history.epochs) == 4
    assert history.why == "no improvement for 3 epochs"


def test_a_plateau_cuts_the_rate_to_a_tenth(tmp_path):
    recipe = replace(RECIPE, epochs=23, iterations=1, rate=1e-12, weight_decay=0.0, schedule="plateau", average=0.0)
    rates = [e.rate / 1e-12 for e in train(tmp_path, recipe).epochs]
    assert rates == pytest.approx([1.0] * 11 + [0.1] * 10 + [0.01] * 2)


@pytest.mark.parametrize("change", [{"patience": 5}, {"schedule": "plateau"}])
def test_what_depends_on_validation_is_refused_without(tmp_path, change):
    with pytest.raises(ConfigError, match="cases to validate on"):
        train(tmp_path, replace(RECIPE, **change), validation=None)


def test_without_validation_the_last_weights_count(tmp_path):
    history = train(tmp_path, replace(RECIPE, epochs=2), validation=None)
    assert history.weights == tmp_path / "last.safetensors"
    assert history.best_epoch == 0
    assert math.isnan(history.epochs[0].val_loss)
    assert not (tmp_path / "best.safetensors").exists()


def test_frozen_parts_do_not_move_but_batch_normalisation_does(tmp_path):
    net = drawn(config(kind="unet3d"), 0)
    freeze(net, ("encoder",))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    train(tmp_path, replace(RECIPE, epochs=1), net)
    moved = {k for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert not {k for k in moved if k.startswith("encoder") and ".conv." in k}
    assert {"encoder.0.0.norm.weight", "encoder.0.0.norm.running_mean", "decoder.heads.0.weight"} <= moved


def test_all_frozen_is_refused(tmp_path):
    net = drawn(config(), 0)
    freeze(net, ("encoder", "decoder"))
    with pytest.raises(ConfigError, match="all of it"):
        train(tmp_path, net=net)


def test_a_budget_of_minutes_is_kept_and_the_rate_falls_with_it(tmp_path):
    recipe = replace(RECIPE, minutes=4 / 60, epochs=1, iterations=5, schedule="linear", warmup=0.0)
    history = train(tmp_path, recipe)
    assert history.finished
    assert history.why == "0.0666667 minutes are over"
    assert 2 < history.seconds < 8  # without a budget it would go on for ever
    assert history.epochs[-1].rate == pytest.approx(recipe.rate / 2, rel=0.15)
    assert rows(tmp_path)[-1]["epoch"] == str(len(history.epochs))


def test_a_budget_is_not_deterministic(tmp_path):
    with pytest.raises(ConfigError, match="none if deterministic"):
        train(tmp_path, replace(RECIPE, minutes=1, deterministic=True))


class Poisoned:
    """A loss that is not finite at some calls; validation is none of them."""

    def __init__(self, *poisoned: int) -> None:
        self.calls = 0
        self.poisoned = poisoned
        self.loss = loss()

    def __call__(self, logits, target):
        value = self.loss(logits, target)
        if not torch.is_grad_enabled():
            return value
        self.calls += 1
        return value * float("nan") if self.calls in self.poisoned else value


def test_a_step_without_a_finite_loss_is_left_out_and_told(tmp_path, caplog):
    recipe = replace(RECIPE, epochs=1)
    with caplog.at_level(logging.WARNING, "condyle"):
        history = train(tmp_path, recipe, loss=Poisoned(2))
    assert history.epochs[0].skipped == 1
    assert math.isfinite(history.epochs[0].loss)
    assert all(v.isfinite().all() for v in load_file(history.weights).values())
    assert "Step 1: the loss is nan" in caplog.text


def test_several_steps_in_a_row_without_a_finite_loss_end_training(tmp_path):
    with pytest.raises(ModelError, match=r"none in 5 steps in a row.*Lower the rate"):
        train(tmp_path, replace(RECIPE, iterations=20), loss=Poisoned(*range(3, 30)))


def test_the_gradient_is_clipped(tmp_path):
    recipe = replace(RECIPE, optimizer="sgd", momentum=0.0, weight_decay=0.0, rate=1.0, clip=1e-3, schedule="constant")
    recipe = replace(recipe, average=0.0, epochs=1, iterations=1)
    net = drawn(config(), 0)
    before = torch.cat([p.detach().flatten().clone() for p in net.parameters()])
    train(tmp_path, recipe, net)
    after = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert float((after - before).norm()) == pytest.approx(1e-3, rel=1e-3)


def test_bf16_learns_as_fp32_does(tmp_path):
    runs = [train(tmp_path / p, replace(RECIPE, precision=p, epochs=2)) for p in ("fp32", "bf16")]
    assert runs[0].epochs[-1].loss == pytest.approx(runs[1].epochs[-1].loss, abs=0.05)
    assert runs[0].epochs[-1].loss != runs[1].epochs[-1].loss


def test_whether_compiling_pays_is_measured_and_changes_nothing_if_not(tmp_path):
    plain, left_open = (train(tmp_path / str(c), replace(RECIPE, epochs=1, compiled=c)) for c in (False, None))
    assert numbers(plain) == numbers(left_open)


def test_names_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="2 names"):
        train(tmp_path, structures=("femur",))


def test_a_device_that_is_not_there_is_refused(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ConfigError, match="CUDA device"):
        train(tmp_path, device="cuda")


def test_files_of_others_are_not_overwritten(tmp_path):
    (tmp_path / "best.safetensors").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"best\.safetensors"):
        train(tmp_path)


def test_events_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(tmp_path, replace(RECIPE, epochs=2), tensorboard=True)
    read = EventAccumulator(str(tmp_path / "events"))
    read.Reload()
    assert {"loss", "val_loss", "rate", "dice/1"} <= set(read.Tags()["scalars"])
    assert [e.step for e in read.Scalars("loss")] == [1, 2]


def test_tensorboard_that_is_not_installed_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        train(tmp_path, tensorboard=True)
    assert not tmp_path.joinpath("state.pt").exists()
