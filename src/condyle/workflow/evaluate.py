"""`condyle evaluate`: how well masks agree with a reference."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

from condyle.data.dataset import FILE
from condyle.errors import CondyleError, ConfigError
from condyle.io.atomic import atomic_file, refuse_existing
from condyle.jobs.settings import JobSettings
from condyle.labels import Labels
from condyle.machine import cores
from condyle.metrics import Table
from condyle.metrics.audit import audit as suspects_of
from condyle.metrics.compare import MetricSettings, absent
from condyle.progress import Track, silent
from condyle.workflow.evaluation.evaluated import CaseScores, Evaluated
from condyle.workflow.evaluation.pairs import CasePair, Pairs, find_pairs
from condyle.workflow.evaluation.scoring import Request, folder_labels, score_case
from condyle.workflow.evaluation.scoring_jobs import cases_folder, score_by_jobs
from condyle.workflow.shared.naming import read_table


def evaluate(
    prediction: Path | None = None,
    reference: Path | None = None,
    *,
    out: Path | None = None,
    label_sets: tuple[str, str] | None = None,
    part: str | None = None,
    structures: Sequence[str] = (),
    names: Mapping[str, int] | None = None,
    table: Path | None = None,
    remap: Mapping[int, int] | None = None,
    resample: bool = False,
    patients: Path | None = None,
    settings: MetricSettings = MetricSettings(),  # noqa: B008 - frozen
    audit: Path | None = None,
    processes: int | None = None,
    seed: int = 0,
    jobs: JobSettings = JobSettings(),  # noqa: B008 - frozen
    overwrite: bool = False,
    track: Track = silent,
) -> Evaluated:
    """Score masks against a reference: surfaces in mm, overlap, volume, and what was missed.

    Two files, two folders whose cases have the same names (label maps, or one file for each structure in a folder
    for each case), or two label sets of a dataset. Grids that differ are an error.

    Args:
        prediction: What is judged: a file, a folder, or a dataset.
        reference: What is taken as true: a file or folder.
        out: A CSV file to write, one row for each case and structure.
        label_sets: For a dataset: the set to judge and the one taken as true.
        part: Of a dataset's split, score these only: test, train, or a fold's number; with a label set of a dataset as
            reference, as DATASET/labels/SET.
        structures: Score these only. One that a case does not know is absent there.
        names: Structures by name and id, e.g. femur_right=1.
        table: A JSON file of them: a dataset.json (also nnU-Net's) or {"femur_right": 1}. One that lies in either
            folder is found.
        remap: From the prediction's ids to the reference's, e.g. 5=1; 0 drops one.
        resample: Bring predictions onto the reference's grid where they differ.
        patients: A CSV file of case and patient. Intervals draw patients, not cases.
        settings: How to measure.
        audit: A CSV file of scores from elsewhere, to be told which of its rows cannot be right.
        processes: How many cases at once; as many as there are cores by default.
        seed: Of the draws behind the intervals.
        jobs: Where to work on a cohort.
        overwrite: Replace the CSV file.
        track: Told of each case.

    Raises:
        DataError: if nothing can be compared; with one case, if that cannot.
        ConfigError: if what is given does not go together, or no case knows a wanted structure.
    """
    suspects = suspects_of(audit) if audit is not None else ()
    if prediction is None:
        if audit is None:
            raise ConfigError("prediction", expected="masks to judge, or a table to audit", got="neither")
        return Evaluated((), suspects=suspects)
    if processes is not None and processes < 1:
        raise ConfigError("processes", expected="1 or more", got=str(processes))
    if out is not None:
        refuse_existing(out, overwrite=overwrite)
    pairs = find_pairs(prediction, reference, label_sets, part).with_patients(patients)
    labels = labels_of(pairs, names, table, (prediction, reference))
    request = Request(labels, tuple(structures), remap, resample, settings)
    if jobs.run_on:
        told = {"names": names, "table": _table(pairs, names, table, prediction, reference), "remap": remap}
        # A command of one case refuses a structure that the case does not know. Without a table any may lack some.
        known = tuple(structures) if labels is not None else ()
        options = {"structures": known, "resample": resample, "settings": settings, **told}
        scores: Iterable[Table | CondyleError] = score_by_jobs(evaluate, pairs.cases, out, options, jobs, track=track)
    else:
        scores = _all(pairs.cases, request, processes, track)
    cases: list[CaseScores] = []
    failed = {}
    for pair, scored in zip(pairs.cases, scores, strict=True):
        if isinstance(scored, Table):
            cases.append(CaseScores(pair.id, pair.group, scored))
        else:
            if len(pairs.cases) == 1 or isinstance(scored, ConfigError):
                raise scored
            failed[pair.id] = str(scored)
    cases = _of_wanted(cases, structures, labels)
    result = Evaluated(tuple(cases), pairs.unmatched, failed, suspects, seed)
    if out is not None:
        with atomic_file(out, overwrite=overwrite) as temporary:
            temporary.write_text(result.to_csv(), encoding="utf-8")
        if jobs.run_on:
            shutil.rmtree(cases_folder(out), ignore_errors=True)
    return result


def _of_wanted(cases: Sequence[CaseScores], structures: Sequence[str], labels: Labels | None) -> list[CaseScores]:
    """The cases with the rows of wanted structures, all if none are named; one that a case does not know is absent.

    Raises:
        ConfigError: if no case knows one.
    """
    if not structures or not cases:
        return list(cases)
    known = dict.fromkeys(row.structure for case in cases for row in case.table)
    unknown = [name for name in structures if name not in known]
    if unknown:
        names = known if labels is None else (*labels.names, *labels.regions)
        expected = f"names among {', '.join(names)}" if names else "structures that a case has"
        hint = "Without --structure all that there are are told."
        raise ConfigError("structures", expected=expected, got=", ".join(unknown), hint=hint)
    out = []
    for case in cases:
        rows = {row.structure: row for row in case.table if row.structure in structures}
        lacking = [absent(name) for name in dict.fromkeys(structures) if name not in rows]
        out.append(replace(case, table=Table((*rows.values(), *lacking))))
    return out


def labels_of(
    pairs: Pairs, names: Mapping[str, int] | None, table: Path | None, folders: Sequence[Path | None]
) -> Labels | None:
    """The structures as told, by names or a table; else as the source, or a table in one of the folders, tells."""
    if names and table:
        raise ConfigError("names, table", expected="one of them", got="both")
    if names:
        return Labels.of(names)
    if table is not None:
        return read_table(table)
    if pairs.labels is not None:
        return pairs.labels
    found = folder_labels(*folders[::-1])
    return read_table(found[0]) if found else None


def _table(
    pairs: Pairs, names: Mapping[str, int] | None, table: Path | None, prediction: Path, reference: Path | None
) -> Path | None:
    """The file behind `labels_of`, for a command that scores two files."""
    if table is not None:
        return table.absolute()
    if names:
        return None
    if pairs.labels is not None:
        return (prediction / FILE).absolute()
    found = folder_labels(reference, prediction)
    return found[0].absolute() if found else None


def _all(
    cases: Sequence[CasePair], request: Request, processes: int | None, track: Track
) -> Iterator[Table | CondyleError]:
    """The scores of each case in turn, or what went wrong."""
    workers = min(processes or cores(), len(cases))
    if workers == 1:
        for case in track(cases, "Scoring"):
            yield _score(case, request)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_score, case, request) for case in cases]
        try:
            for future in track(futures, "Scoring"):
                yield future.result()
        except BrokenProcessPool as error:
            # A process that starts imports the script that called, and Python ends it if that starts its work anew.
            raise ConfigError(
                "processes",
                expected="processes that start and go on to the end",
                got="one that was ended",
                hint='Call this below `if __name__ == "__main__":` in a script. Where memory is short, use fewer.',
            ) from error


def _score(case: CasePair, request: Request) -> Table | CondyleError:
    try:
        return score_case(case, request)
    except CondyleError as error:
        return error
