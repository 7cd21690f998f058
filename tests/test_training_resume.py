"""A training that was interrupted goes on as if nothing had happened."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from condyle.errors import ConfigError, ModelError
from condyle.training import drawn, keeper
from training_toys import KINDS, RECIPE, batches, config, numbers, one_thread, program, rows, train, validation


class After:
    """A `Stop` that says yes after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def same_weights(one, two) -> bool:
    a, b = load_file(one), load_file(two)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("kind", ["plain_unet", "unet2d"])
@pytest.mark.parametrize("steps", [2, 4, 9])
def test_a_stopped_training_goes_on_bit_for_bit(tmp_path, kind, steps):
    """Within an epoch, at its end, in a later one; `unet2d` draws dropout."""
    recipe = replace(RECIPE, warmup=0.2)
    made = config(kind=kind, **KINDS[kind])
    patch = (8,) * made.dim
    data = {"batches": batches(recipe, patch=patch), "validation": validation(recipe, patch=patch)}
    whole = train(tmp_path / "whole", recipe, drawn(made, 0), **data)
    first = train(tmp_path / "parts", recipe, drawn(made, 0), stop=After(steps), **data)
    assert not first.finished
    assert first.why == "stopped"
    # Another network object, with other weights: all that counts is on disk.
    second = train(tmp_path / "parts", recipe, drawn(made, 99), **data)
    assert numbers(second) == numbers(whole)
    assert [r["epoch"] for r in rows(tmp_path / "parts")] == ["1", "2", "3"]
    for name in ("best.safetensors", "last.safetensors"):
        assert same_weights(tmp_path / "whole" / name, tmp_path / "parts" / name)


def test_momentum_and_plateau_are_gone_on_with(tmp_path):
    recipe = replace(
        RECIPE, optimizer="sgd", momentum=0.9, schedule="plateau", epochs=13, iterations=1, rate=1e-9, average=0.0
    )
    whole = train(tmp_path / "whole", recipe)
    for steps in (3, 9):
        train(tmp_path / "parts", recipe, stop=After(steps))
    assert numbers(train(tmp_path / "parts", recipe)) == numbers(whole)
    assert whole.epochs[-1].rate < 1e-9


def test_what_is_finished_stays_so_and_may_be_trained_longer(tmp_path):
    train(tmp_path, replace(RECIPE, epochs=2))
    again = train(tmp_path, replace(RECIPE, epochs=2))
    assert len(again.epochs) == 2
    longer = train(tmp_path, replace(RECIPE, epochs=3))
    assert len(longer.epochs) == 3
    assert [r["epoch"] for r in rows(tmp_path)] == ["1", "2", "3"]
    shorter = train(tmp_path, replace(RECIPE, epochs=1))
    assert len(shorter.epochs) == 3


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    train(tmp_path, replace(RECIPE, epochs=1))
    with pytest.raises(ConfigError, match=r"rate 0\.01 instead of 0\.02"):
        train(tmp_path, replace(RECIPE, epochs=1, rate=2e-2))


def test_another_network_in_the_same_folder_is_refused(tmp_path):
    train(tmp_path, replace(RECIPE, epochs=1))
    with pytest.raises(ModelError, match="state of this network"):
        train(tmp_path, replace(RECIPE, epochs=2), drawn(config(features=(4, 6)), 0))


def test_a_broken_state_is_told(tmp_path):
    train(tmp_path, replace(RECIPE, epochs=1))
    whole = (tmp_path / "state.pt").read_bytes()
    (tmp_path / "state.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"state\.pt"):
        train(tmp_path, replace(RECIPE, epochs=1))
    torch.save({"version": 99}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match="version 1"):
        train(tmp_path, replace(RECIPE, epochs=1))


def test_killed_at_any_moment_training_ends_with_the_same_losses(tmp_path):
    rng = np.random.default_rng(3)
    settings = {"epochs": 8, "iterations": 5}
    with one_thread():
        whole = train(tmp_path / "whole", replace(RECIPE, **settings))
    kills = 0
    for _ in range(3):
        with program(tmp_path / "killed", **settings, wait_s=0.02) as process:
            for _ in range(rng.integers(2, 14)):
                process.stdout.readline()
            time.sleep(rng.uniform(0, 0.1))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
        check_whole_lines(tmp_path / "killed")
    assert kills
    with program(tmp_path / "killed", **settings) as process:
        assert ending(process) == (whole.why, [e.loss for e in whole.epochs])
    assert [r["epoch"] for r in rows(tmp_path / "killed")] == [str(n) for n in range(1, 9)]
    assert same_weights(tmp_path / "whole" / "last.safetensors", tmp_path / "killed" / "last.safetensors")


def test_ctrl_c_saves_and_leaves_and_goes_on_where_it_was(tmp_path):
    recipe = replace(RECIPE, epochs=2, iterations=6)
    with program(tmp_path / "stopped", epochs=2, iterations=6, wait_s=0.2) as process:
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        why, _ = ending(process)
    assert why == "stopped"
    # It was in the middle of the first epoch, and is not thrown back to its start.
    assert rows(tmp_path / "stopped") == []
    state = torch.load(tmp_path / "stopped" / "state.pt", weights_only=True)
    assert 2 <= state["progress"]["step"] < 6
    with one_thread():
        whole, gone_on = train(tmp_path / "whole", recipe), train(tmp_path / "stopped", recipe)
    assert numbers(gone_on) == numbers(whole)


def test_a_full_disk_leaves_the_state_before_it_whole(tmp_path):
    train(tmp_path, replace(RECIPE, epochs=1))
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with program(tmp_path, epochs=3, limit=4096) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "DataError" in error
    assert "Free some space" in error
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert train(tmp_path, replace(RECIPE, epochs=3)).finished


def ending(process) -> tuple[str, list[float]]:
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    last = out.splitlines()[-1]
    assert last.startswith("end ")
    why, losses = json.loads(last[4:])
    return why, losses


def check_whole_lines(out) -> None:
    path = out / "history.csv"
    if path.exists():
        text = path.read_text()
        assert text == "" or text.endswith("\n")
        assert len({line.count(",") for line in text.splitlines()}) <= 1


def test_a_long_epoch_is_saved_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper, "SAVE_EVERY_S", 0.0)
    whole = train(tmp_path / "whole")

    def broken_off(steps, what):
        del what
        for step in steps:
            if step == 3:
                raise KeyboardInterrupt
            yield step

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", track=broken_off)
    assert torch.load(tmp_path / "parts" / "state.pt", weights_only=True)["progress"]["step"] == 3
    assert numbers(train(tmp_path / "parts")) == numbers(whole)
