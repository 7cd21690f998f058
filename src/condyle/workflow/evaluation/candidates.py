"""What `condyle compare` holds against each other: found, named, scored, and checked to be on the same cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from condyle.data import Dataset
from condyle.data.importers.found import stem_of
from condyle.errors import ConfigError, DataError
from condyle.metrics import Table
from condyle.metrics.candidates import Candidate
from condyle.metrics.score_files import read_scores
from condyle.workflow.evaluation.pairs import cases_in

#: Between a model's name and its seed.
SEED = "@"


@dataclass(frozen=True)
class Source:
    """One thing to compare.

    Args:
        name: What it is called; `model@seed` is one training of several.
        path: Masks, a dataset, or a CSV file of scores.
        label_set: Of a dataset, or None.
    """

    name: str
    path: Path
    label_set: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether these are scores already."""
        return self.path.suffix.lower() == ".csv"


@dataclass(frozen=True)
class Run:
    """The scores of one source.

    Args:
        name: As of its source.
        cases: Case to scores.
        groups: Case to patient.
        notes: What has no partner or failed.
    """

    name: str
    cases: Mapping[str, Table]
    groups: Mapping[str, str]
    notes: tuple[str, ...] = ()


def sources_of(paths: Sequence[Path], titles: Sequence[str], label_sets: Sequence[str]) -> tuple[Source, ...]:
    """Name what is compared.

    Args:
        paths: Masks and tables; or one dataset.
        titles: One each, or none: then they are called by their files, folders or label sets.
        label_sets: Those of the dataset to compare.

    Raises:
        ConfigError: if there are not two, or their names do not tell them apart.
    """
    if label_sets:
        if len(paths) != 1:
            raise ConfigError("label_sets", expected="one dataset to go with them", got=f"{len(paths)} paths")
        found = [Source(name, paths[0], name) for name in label_sets]
    else:
        found = [Source(_called(p), p) for p in paths]
    if len(found) < 2:
        raise ConfigError(
            "candidates",
            expected="two or more things to compare",
            got=str(len(found)),
            hint="Give two folders or tables, or one dataset with two --label-set.",
        )
    if titles:
        if len(titles) != len(found):
            raise ConfigError("titles", expected=f"one for each of {len(found)} candidates", got=str(len(titles)))
        found = [replace(source, name=title) for source, title in zip(found, titles, strict=True)]
    twice = [name for name, n in Counter(source.name for source in found).items() if n > 1]
    if twice:
        got = ", ".join(twice)
        raise ConfigError("candidates", expected="a name for each", got=f"{got} more than once", hint="Give --title.")
    return tuple(found)


def model_of(name: str) -> str:
    """The model of a run: `a/model` of `a/model@1`. A seed stands in the last part of a name alone."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.split(SEED, 1)[0]


def told_apart(folders: Sequence[Path]) -> tuple[str, ...]:
    """A name for each folder: its own, or as many of the folders above as tell all of them apart.

    All names have as many parts, so that the seeds of one model still differ by their seed alone.

    Raises:
        ConfigError: if a folder is given twice.
    """
    parts = [folder.resolve().parts for folder in folders]
    twice = [str(folders[n]) for n, own in enumerate(parts) if own in parts[:n]]
    if twice:
        raise ConfigError("candidates", expected="each folder once", got=f"{', '.join(twice)} more than once")
    names: tuple[str, ...] = ()
    for length in range(1, max(map(len, parts), default=0) + 1):
        names = tuple("/".join(own[-length:]) for own in parts)
        if len(set(names)) == len(names):
            break
    return names


def _called(path: Path) -> str:
    if path.suffix.lower() == ".csv":
        return path.stem
    return stem_of(path) if path.is_file() else path.resolve().name


def cases_of(source: Source) -> tuple[str, ...] | None:
    """The cases of a source; None for a single file, which is one case whatever its name.

    Raises:
        ConfigError: if the dataset has no such label set.
        DataError: if it cannot be read.
    """
    if source.is_table:
        return tuple(read_scores(source.path).cases)
    if source.label_set is not None:
        dataset = Dataset.open(source.path)
        if source.label_set not in dataset.label_sets:
            known = ", ".join(dataset.label_sets) or "none"
            raise ConfigError("label_sets", expected=f"names among {known}", got=source.label_set)
        return tuple(case.id for case in dataset.cases if source.label_set in case.label_sets)
    if not source.path.exists():
        raise DataError(source.path, expected="masks, or a CSV file of scores", got="nothing of that name")
    return None if source.path.is_file() else tuple(cases_in(source.path))


def same_cases(sets: Mapping[str, Sequence[str]], *, common: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The cases all have, and a sentence on each set that has others.

    Args:
        sets: Name to cases.
        common: Go on with those all have.

    Raises:
        DataError: if they differ and `common` is false, or share none.
    """
    every = sorted({case for cases in sets.values() for case in cases})
    shared = tuple(case for case in every if all(case in cases for cases in sets.values()))
    missing = {name: [case for case in every if case not in cases] for name, cases in sets.items()}
    told = tuple(f"{name} lacks {', '.join(cases)}" for name, cases in missing.items() if cases)
    if told and not (common and shared):
        raise DataError(
            "candidates",
            expected="the same cases of each",
            got="; ".join(told),
            hint="Give the missing ones, or pass --common to go on with those all have." if shared else "",
        )
    return shared, told


def candidates_of(
    runs: Sequence[Run], *, common: bool, structures: Sequence[str] = ()
) -> tuple[tuple[Candidate, ...], dict[str, str], tuple[str, ...]]:
    """Gather runs into candidates, seeds of one model into one.

    Returns:
        The candidates, case to patient, and what was left out.

    Raises:
        DataError: if the runs have other cases, other patients or other structures.
    """
    shared, notes = same_cases({run.name: list(run.cases) for run in runs}, common=common)
    groups = {case: runs[0].groups[case] for case in shared}
    for run in runs[1:]:
        for case in shared:
            if run.groups[case] != groups[case]:
                got = f"{run.groups[case]} in {run.name}"
                raise DataError(f"patient of {case}", expected=f"{groups[case]}, as in {runs[0].name}", got=got)
    wanted = _kept(structures)
    by_model: dict[str, dict[str, dict[str, Table]]] = {}
    for run in runs:
        tables = {case: Table(tuple(row for row in run.cases[case] if wanted(row.structure))) for case in shared}
        by_model.setdefault(model_of(run.name), {})[run.name] = tables
    candidates = tuple(Candidate(name, tables) for name, tables in by_model.items())
    if len(candidates) < 2:
        raise ConfigError(
            "candidates", expected="two or more models", got=f"seeds of one, {candidates[0].name}", hint="Give --title."
        )
    _same_structures(candidates, structures)
    return candidates, groups, notes


def _kept(structures: Sequence[str]) -> Callable[[str], bool]:
    return lambda name: not structures or name in structures


def _same_structures(candidates: Sequence[Candidate], wanted: Sequence[str]) -> None:
    every = tuple(dict.fromkeys(name for c in candidates for name in (*c.structures, *wanted)))
    lacking = {c.name: [name for name in every if name not in c.structures] for c in candidates}
    told = [f"{name} lacks {', '.join(structures)}" for name, structures in lacking.items() if structures]
    if told:
        raise DataError(
            "candidates",
            expected="the same structures of each",
            got="; ".join(told),
            hint="Choose those all have with --structure, or give their names with --name or --table.",
        )
