"""Two processes that share each batch learn what one learns."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from condyle.errors import ConfigError
from condyle.training import World, drawn, world
from test_training_resume import ending
from training_toys import RECIPE, config, program, rows, train

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def test_two_processes_have_the_losses_of_one(tmp_path):
    """Dice over the batch included, of which each process sees one half."""
    recipe = replace(RECIPE, epochs=2)
    one = train(tmp_path / "one", recipe, drawn(config(deep_supervision=True), 0))
    with program(tmp_path / "two", launcher=TORCHRUN, epochs=2, deep=True) as process:
        _, losses = ending(process)
    assert losses == pytest.approx([e.loss for e in one.epochs], abs=1e-5)
    written = rows(tmp_path / "two")
    assert [float(r["val_loss"]) for r in written] == pytest.approx([e.val_loss for e in one.epochs], abs=1e-5)
    assert [float(r["mean_dice"]) for r in written] == pytest.approx([e.mean_dice for e in one.epochs], abs=1e-3)


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ConfigError, match="a multiple of the 2 processes"):
        World(0, 2).share(3)
    assert [list(World(rank, 2).share(4)) for rank in (0, 1)] == [[0, 1], [2, 3]]


def test_without_torchrun_there_is_one_process():
    with world() as alone:
        assert (alone.rank, alone.size) == (0, 1)
        assert alone.any(True)
        assert alone.first("told") == "told"
