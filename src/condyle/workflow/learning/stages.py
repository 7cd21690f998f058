"""The stages of a training: one network a fold, or two, the second of which sees what the first found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from condyle.data import Case
from condyle.data.store import Store, open_store
from condyle.models.folder import BEFORE, read
from condyle.training.found import FoundBefore
from condyle.workflow.learning.decided import decide, folds_to_train
from condyle.workflow.learning.found import prepared_found
from condyle.workflow.learning.job import Job
from condyle.workflow.learning.one_fold import Means, learn

#: Name of each fold to the cases it learns from and those held out.
Parts = Mapping[str, tuple[Sequence[Case], Sequence[Case]]]


def train_stages(job: Job, parts: Parts, means: Means) -> None:
    """Train what the plan of a job asks for; a cascade's first stage before it.

    Raises:
        KeyboardInterrupt: if it was asked to stop; everything is saved.
    """
    store = _prepared(job, means)
    found = None
    if job.run.plan.cascade:
        found = _first_stage(job, store, all_cases="all" in parts, means=means)
    _train_folds(job, parts, store, found, means)


def _first_stage(job: Job, store: Store, *, all_cases: bool, means: Means) -> FoundBefore:
    """Train the first stage in `before`, and give what each of its networks found in the cases it was not trained on.

    That takes all folds, whichever of them the second stage is trained on.
    """
    dataset, run, world = job.dataset, job.run, means.world
    before = job.out / BEFORE
    recipe = replace(run.recipe, stage="low")
    first = decide(
        dataset, run.label_set, recipe, model=None, start="", out=before, here=world, overwrite=False, track=means.track
    )
    inner = Job(before, dataset, first, means.device)
    parts = folds_to_train(dataset, "cv", run.label_set)
    if all_cases:
        parts |= folds_to_train(dataset, "all", run.label_set)
    _train_folds(inner, parts, _prepared(inner, means), None, means)
    # The first process puts them on the second stage's grids; the others then find them there.
    if world.rank == 0:
        prepared_found(job, store, inner.held_out, means.track)
        job.before = read(before, first_stage=True)
    world.any(False)
    return FoundBefore(prepared_found(job, store, inner.held_out), run.plan.cascade)


def _train_folds(job: Job, parts: Parts, store: Store, found: FoundBefore | None, means: Means) -> None:
    for name, (learners, held_out) in parts.items():
        history = learn(
            job.run,
            job.dataset.labels,
            store,
            train=[case.id for case in learners],
            validation=[case.id for case in held_out],
            out=job.out / "training" / f"fold_{name}",
            means=means,
            found=found,
        )
        if not history.finished:
            raise KeyboardInterrupt
        if means.world.rank == 0:
            job.add(name, learners, held_out, history, means.track)
    means.world.any(False)


def _prepared(job: Job, means: Means) -> Store:
    store = open_store(job.dataset, job.run.plan, job.run.label_set)
    if means.world.rank == 0:
        store.prepare(track=means.track)
    means.world.any(False)
    return store
