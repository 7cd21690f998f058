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
    if job.run.recipe.pictures == "synthetic":
        _train_on_drawn(job, parts, means)
        return
    store = _prepared(job, means)
    found = None
    if job.run.plan.cascade:
        found = _first_stage(job, store, all_cases="all" in parts, means=means)
    _train_folds(job, parts, store, found, means)


def _train_on_drawn(job: Job, parts: Parts, means: Means) -> None:
    """Pictures are drawn, and so is what a first stage might find in them: stages need not wait for each other."""
    if job.run.plan.cascade:
        inner, inner_means = _inner(job, means)
        _train_folds(inner, parts, _opened(inner), None, inner_means)
        job.before = read(inner.out, first_stage=True)
    _train_folds(job, parts, _opened(job), None, means)


def _first_stage(job: Job, store: Store, *, all_cases: bool, means: Means) -> FoundBefore:
    """Train the first stage in `before`, and give what each of its networks found in the cases it was not trained on.

    That takes all folds, whichever of them the second stage is trained on.
    """
    inner, inner_means = _inner(job, means)
    parts = folds_to_train(job.dataset, "cv", job.run.label_set)
    if all_cases:
        parts |= folds_to_train(job.dataset, "all", job.run.label_set)
    _train_folds(inner, parts, _prepared(inner, means), None, inner_means)
    # The first process puts them on the second stage's grids; the others then find them there.
    if means.world.rank == 0:
        prepared_found(job, store, inner.held_out, means.track)
        job.before = read(inner.out, first_stage=True)
    means.world.any(False)
    return FoundBefore(prepared_found(job, store, inner.held_out), job.run.plan.cascade)


def _inner(job: Job, means: Means) -> tuple[Job, Means]:
    """The training of the first stage, in the second's folder; it starts where the first stage of a model ended."""
    out, label_set = job.out / BEFORE, job.run.label_set
    model = None if means.start.model is None else means.start.model.before
    begin = replace(means.start, model=model)
    run = decide(
        job.dataset,
        label_set,
        replace(job.run.recipe, stage="low"),
        begin=begin,
        start=job.run.start,
        out=out,
        here=means.world,
        overwrite=False,
        track=means.track,
    )
    return Job(out, job.dataset, run, means.device), replace(means, start=begin)


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


def _opened(job: Job) -> Store:
    return open_store(job.dataset, job.run.plan, job.run.label_set)


def _prepared(job: Job, means: Means) -> Store:
    store = _opened(job)
    if means.world.rank == 0:
        store.prepare(track=means.track)
    means.world.any(False)
    return store
