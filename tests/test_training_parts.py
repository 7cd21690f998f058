"""The parts of training, each by itself."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from math import isfinite, nan
from pathlib import Path

import pytest
import torch
from torch import nn

from condyle.errors import ConfigError, DataError, ModelError
from condyle.jobs.energy import EnergyMeter, counted
from condyle.losses.compared import IGNORE
from condyle.training import drawn, freeze, prefer_background, records, take_over
from condyle.training.arithmetic import can_compile, chosen, determined, has_bf16
from condyle.training.average import Average
from condyle.training.curves import curves
from condyle.training.history import Epoch, History, append_row
from condyle.training.optimizers import optimizer
from condyle.training.progress import Progress
from condyle.training.records import Records
from condyle.training.schedule import rate_at
from condyle.training.validate import overlaps
from condyle.training.watch import Clock, Peak
from condyle.workflow.learning.trained import FoldResult, Trained
from training_toys import KINDS, RECIPE, config, rows, train

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("schedule", "start", "half", "end"),
    [("poly", 1, 0.5**0.9, 0), ("cosine", 1, 0.5, 0), ("linear", 1, 0.75, 0.5), ("constant", 1, 1, 1)],
)
def test_rates_at_the_start_half_way_and_at_the_end(schedule, start, half, end):
    recipe = replace(RECIPE, schedule=schedule, rate=2.0)
    assert [rate_at(recipe, t) / 2 for t in (0, 0.5, 1)] == pytest.approx([start, half, end])


def test_the_rate_rises_during_the_warm_up():
    recipe = replace(RECIPE, schedule="cosine", rate=1.0, warmup=0.2)
    assert [rate_at(recipe, t) for t in (0, 0.1, 0.2, 0.6, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_each_fall_leaves_a_tenth():
    recipe = replace(RECIPE, schedule="plateau", rate=1.0)
    assert rate_at(recipe, 0.7, falls=2) == pytest.approx(0.01)


def test_adamw_spares_norms_and_biases_and_the_others_decay_all():
    net = drawn(config(), 0)
    groups = optimizer(net, replace(RECIPE, optimizer="adamw", weight_decay=0.1)).param_groups
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert all(p.ndim > 1 for p in groups[0]["params"])
    assert all(p.ndim <= 1 for p in groups[1]["params"])
    (group,) = optimizer(net, replace(RECIPE, optimizer="sgd", weight_decay=0.1)).param_groups
    assert group["nesterov"]
    assert len(group["params"]) == len(list(net.parameters()))


def averaged(values, decay: float) -> float:
    net = nn.Linear(1, 1, bias=False)
    average = Average(net, decay)
    for value in values:
        net.weight.data.fill_(value)
        average.update()
    with average.applied():
        assert net.weight.item() == pytest.approx(float(average.weights()["weight"]))
    assert net.weight.item() == values[-1]
    return float(average.weights()["weight"])


def test_the_average_forgets_the_first_half_of_a_short_training():
    assert averaged([1.0] * 50 + [0.0] * 50, 0.999) < 2e-3


def test_the_average_of_a_long_training_is_exponential():
    assert averaged([1.0] * 2000 + [0.0] * 50, 0.98) == pytest.approx(0.98**50, rel=1e-3)


def test_after_one_step_the_average_is_that_step():
    net = nn.Linear(1, 1, bias=False)
    average = Average(net, 0.999)
    net.weight.data.fill_(7.0)
    average.update()
    assert float(average.weights()["weight"]) == pytest.approx(7.0)


def test_without_a_decay_the_weights_are_the_networks_own():
    net = nn.BatchNorm3d(2)
    average = Average(net, 0.0)
    average.update()
    with average.applied():
        assert average.weights().keys() == net.state_dict().keys()


def test_overlaps_of_classes():
    logits = torch.zeros(1, 3, 6)
    logits[0, [0, 1, 1, 2, 2, 1], range(6)] = 5.0
    target = torch.tensor([[0, 1, 2, 2, IGNORE, 0]], dtype=torch.int16)
    assert overlaps(logits, target).tolist() == [[1, 1], [4, 3]]


def test_overlaps_of_regions():
    logits = torch.tensor([[[5.0, 5, -5, 5], [-5, 5, 5, 5]]])
    target = torch.tensor([[[1, 0, 0, IGNORE], [0, 1, 1, IGNORE]]], dtype=torch.int8)
    assert overlaps(logits, target).tolist() == [[1, 2], [3, 4]]


def test_a_trained_network_is_taken_over_whole():
    made = config()
    trained, net = drawn(made, 1), drawn(made, 0)
    taken = take_over(net, made, trained.state_dict(), "model", same_structures=True)
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in trained.state_dict().items())
    assert str(taken) == f"{len(trained.state_dict())} of {len(trained.state_dict())} weights taken over"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("structures", [3, 5])
def test_other_structures_get_a_new_last_convolution(kind, structures):
    made = config(kind=kind, out_channels=structures, **KINDS[kind])
    trained, net, fresh = drawn(config(kind=kind, **KINDS[kind]), 1), drawn(made, 0), drawn(made, 0)
    taken = take_over(net, made, trained.state_dict(), "model", same_structures=False)
    assert 1 <= len(taken.drawn) <= 2
    assert all("head" in name for name in taken.drawn)
    for name, value in net.state_dict().items():
        source = fresh if name in taken.drawn else trained
        assert torch.equal(value, source.state_dict()[name])


@pytest.mark.parametrize("kind", KINDS)
def test_another_number_of_channels_is_seen_as_before(kind):
    """A network of one channel answers the same about an image as its successor about three copies of it."""
    one, three = (config(kind=kind, in_channels=n, **KINDS[kind]) for n in (1, 3))
    trained, net = drawn(one, 1).eval(), drawn(three, 0).eval()
    taken = take_over(net, three, trained.state_dict(), "model", same_structures=True)
    if kind == "vnet":
        # Its first stage also hands the image on; three copies are not what one was repeated to.
        assert taken.adapted == ("encoder.0.convs.0.weight",)
        return
    image = torch.randn(1, 1, *(16,) * one.dim)
    with torch.no_grad():
        expected, found = trained(image), net(image.repeat(1, 3, *(1,) * one.dim))
    assert torch.allclose(expected, found, atol=1e-4)
    assert "adapted" in str(taken)


def test_quite_another_network_is_refused():
    made = config(features=(6, 10))
    with pytest.raises(ModelError, match="of the same stages"):
        take_over(drawn(made, 0), made, drawn(config(), 1).state_dict(), "model", same_structures=True)


@pytest.mark.parametrize("regions", [False, True])
def test_a_network_may_begin_with_background_everywhere(regions):
    made = config()
    net, as_drawn = drawn(made, 0).eval(), drawn(made, 0).eval()
    prefer_background(net, made, 6.0, regions=regions)
    x = torch.randn(1, made.in_channels, *((16,) * made.dim), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        moved = as_drawn(x) - net(x)
    assert torch.allclose(moved[:, 1:], torch.tensor(6.0), atol=1e-4)
    assert torch.allclose(moved[:, 0], torch.tensor(6.0 if regions else 0.0), atol=1e-4)


def test_parts_that_are_not_there_cannot_be_frozen():
    with pytest.raises(ConfigError, match=r"encoder, decoder"):
        freeze(drawn(config(), 0), ("encodre",))


#: Says "asked" when a signal comes in, goes on, and is ended by the next one.
LISTENING = """
import os, signal
from condyle.training import on_signals

handler = signal.getsignal(signal.SIGTERM)
with on_signals((signal.SIGTERM,)) as stop:
    assert not stop()
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop()
    assert signal.getsignal(signal.SIGTERM) == handler
assert signal.getsignal(signal.SIGTERM) == handler
print("asked", flush=True)
os.kill(os.getpid(), signal.SIGTERM)
print("not ended")
"""


def test_signals_are_noted_once_and_left_to_others_afterwards():
    # In a process of its own: whoever has run in this one may have left it deaf to signals, or threads that hear them.
    done = subprocess.run([sys.executable, "-c", LISTENING], check=False, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("asked\n", -signal.SIGTERM), done.stderr


def test_a_short_training_is_not_compiled_and_a_long_one_is():
    recipe = replace(RECIPE, compiled=None)
    assert not chosen(recipe, CPU, lambda eager: 60.0).compiled
    assert chosen(recipe, CPU, lambda eager: 3600.0).compiled == can_compile(CPU)
    assert not chosen(replace(recipe, deterministic=True), CPU, lambda eager: 3600.0).compiled
    assert chosen(replace(recipe, precision="auto"), CPU, lambda eager: 0.0).bf16 == has_bf16(CPU)
    assert not chosen(replace(recipe, precision="fp32"), CPU, lambda eager: 0.0).bf16


def test_compiling_without_a_compiler_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="a compiler"):
        chosen(replace(RECIPE, compiled=True), CPU, lambda eager: 0.0)


def test_determinism_is_asked_for_only_within_the_block():
    assert not torch.are_deterministic_algorithms_enabled()
    with determined(True):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_clock_keeps_time_for_what_comes_last():
    clock = Clock(minutes=1, validations=10, energy=EnergyMeter())
    clock.before_s = 20
    assert clock.share() == pytest.approx(20 / 60, abs=0.01)
    clock._took["step"] = 1.0
    # A twentieth of the minute pays for 9 batches, each a third of a step; kept is a fifth more.
    assert clock.validations() == 9
    assert clock.share() == pytest.approx(20 / (60 - 1 - 1.2 * 3), abs=0.01)
    clock._took["closing"] = 5.0
    assert clock.share() == pytest.approx(20 / (60 - 1 - 6), abs=0.01)
    clock.before_s = 59
    assert clock.share() == 1


def test_the_first_step_of_a_clock_does_not_count_and_then_the_fastest_does():
    clock = Clock(minutes=1, validations=100, energy=EnergyMeter())
    clock.lap("step")
    assert "step" not in clock._took
    clock.lap("step")
    time.sleep(0.02)
    clock.lap("step")
    assert clock._took["step"] < 0.02


def test_the_energy_of_an_epoch_is_counted_over_the_parts_of_a_training_and_never_made_up():
    counts = iter((1, 3, 4))  # kJ

    def look() -> dict[str, tuple[int, int]]:
        return {"a": (next(counts) * 10**9, 10**12)}

    clock = Clock(minutes=0, validations=0, energy=EnergyMeter(look))
    progress = Progress(energy_kj=5.0, began_kj=4.5)  # as an earlier part left it
    clock.before_kj = progress.energy_kj
    for _ in range(2):
        progress.energy_kj = clock.energy_kj()
        progress.end_epoch(RECIPE, None, (), Peak(1.0, 0.5))
    assert [e.energy_kj for e in progress.epochs] == pytest.approx([2.5, 1.0])
    history = History(tuple(progress.epochs), True, 0, Path("last"), 2.0, "done")
    assert FoldResult.of(["a"], history).energy_kj == pytest.approx(3.5)
    assert FoldResult.of(["a"], history).vram_gib == 0.5
    assert "3.5 kJ" in str(Trained("model", {"0": FoldResult.of(["a"], history)}))

    untold = replace(history, epochs=(*history.epochs, replace(history.epochs[0], energy_kj=nan)))
    assert FoldResult.of(["a"], untold).energy_kj is None
    assert "kJ" not in str(Trained("model", {"0": FoldResult.of(["a"], untold)}))


def test_a_training_tells_its_energy_where_this_machine_counts_it(tmp_path):
    history = train(tmp_path / "out", replace(RECIPE, epochs=1))
    told = [isfinite(float(row["energy_kj"])) for row in rows(tmp_path / "out")]
    assert told == [bool(counted())] * len(history.epochs)


def test_without_a_budget_a_clock_validates_on_everything():
    clock = Clock(minutes=0, validations=100, energy=EnergyMeter())
    clock._took["step"] = 1000.0
    assert clock.validations() == 100


def epoch(number: int, **changes) -> Epoch:
    values = {
        "epoch": number, "steps": 4 * number, "rate": 0.01 / number, "loss": 1 / number, "val_loss": 1.5 / number,
        "dice": {"femur": 0.1 * number, "tibia_$x": float("nan")}, "mean_dice": 0.1 * number,
        "smoothed_dice": 0.09 * number, "seconds": 1.0, "ram_gib": 1.0, "vram_gib": 0.0, "skipped": 0,
    }  # fmt: skip
    return Epoch(**{**values, **changes})


def test_the_curves_show_losses_dice_of_each_structure_and_the_rate():
    epochs = [epoch(n) for n in (1, 2, 3)]
    loss, dice, rate = curves(epochs).axes
    assert [line.get_ydata().tolist() for line in loss.lines] == [
        [e.loss for e in epochs],
        [e.val_loss for e in epochs],
    ]
    assert dice.lines[0].get_ydata().tolist() == [e.dice["femur"] for e in epochs]
    assert dice.lines[-1].get_ydata().tolist() == [e.smoothed_dice for e in epochs]
    assert [text.get_text() for text in dice.get_legend().get_texts()] == ["femur", "tibia_$x", "mean, moving average"]
    assert rate.lines[0].get_ydata().tolist() == [e.rate for e in epochs]
    assert rate.lines[0].get_xdata().tolist() == [1, 2, 3]


def test_of_many_structures_the_lines_are_drawn_without_names():
    _, dice, _ = curves([epoch(1, dice={f"bone {n}": 0.5 for n in range(20)})]).axes
    assert len(dice.lines) == 21
    assert [text.get_text() for text in dice.get_legend().get_texts()] == ["mean, moving average"]


def test_the_picture_is_drawn_at_the_end_and_now_and_then_before(tmp_path, monkeypatch):
    kept = Records(tmp_path, 0, tensorboard=False)
    kept.begin([])
    kept.add(epoch(1))
    assert not (tmp_path / "curves.png").exists()
    monkeypatch.setattr(records, "_DRAW_EVERY_S", 0.0)
    kept.add(epoch(2))
    before = (tmp_path / "curves.png").read_bytes()
    kept.add(epoch(3, val_loss=float("nan")))
    kept.close()
    assert before.startswith(b"\x89PNG")
    assert (tmp_path / "curves.png").read_bytes() != before


def test_a_row_that_finds_no_room_leaves_the_table_as_it_was(tmp_path):
    with pytest.raises(DataError, match="No space left"):
        append_row(Path("/dev/full"), epoch(1))
    table = tmp_path / "history.csv"
    append_row(table, epoch(1))
    whole = table.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, before[1]))
    try:
        with pytest.raises(DataError, match="Free some space"):
            append_row(table, epoch(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert table.read_bytes() == whole
