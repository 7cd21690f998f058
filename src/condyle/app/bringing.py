"""From an upload to the commands that import it.

What the page asks for:

* `dataset`: the key of the one to add to; or `name` and `channel` of a new one.
* `case`: what to call the case of a DICOM folder; `series`: UIDs of the series that are meant, by the file or `dicom`
  they are in; without any, all that are there.
* `left_out`: files that are not wanted, and perhaps `dicom`.
* `masks`: label maps, file to what they belong to: another file of the upload, `dicom`, or the key of a case of the
  dataset. They become the label set `label_set`, their numbers the structures of `names`; `resample` brings those on
  another grid onto their scan's.

Files are told by the names they have here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from condyle.app.announced import DICOM, is_data
from condyle.app.jobs.asked import Asked
from condyle.app.jobs.job import Planned
from condyle.app.jobs.pieces import WRITES, Step, enter
from condyle.app.workspace import Workspace, require
from condyle.data import Case, Dataset
from condyle.data.importers.found import MaskFiles
from condyle.data.importers.named import own_labels, refuse_other_numbers
from condyle.data.names import safe_name
from condyle.errors import ConfigError
from condyle.io import stem_of, suffix_of
from condyle.io.detached import told_data_file
from condyle.labels import Labels


@dataclass(frozen=True)
class Into:
    """The dataset that an upload goes into.

    Args:
        folder: Where it is, or will be.
        channel: Of its images; "" where it has one already.
        labels: Its structures so far.
        cases: By key.
    """

    folder: Path
    channel: str
    labels: Labels
    cases: dict[str, Case]


def import_plan(workspace: Workspace, upload: Path, asked: Asked) -> Planned:
    """The commands that import an upload, then look for faults. Its files are put in order for them.

    Raises:
        ConfigError: if what is asked makes no sense.
        DataError: if the dataset cannot be read.
    """
    into = _into(workspace, asked)
    files = upload / "files"
    series = asked.pairs("series")
    masks = asked.pairs("masks")
    names = {_id(id_): name for id_, name in asked.pairs("names").items()}
    there = {path.name for path in files.iterdir()}
    for name in (*masks, *asked.texts("left_out")):
        require(name if name in there else None, "a file of this upload")
    label_set = asked.name("label_set", "reference")
    if masks and not names:
        raise ConfigError("names", expected="what the numbers in the label maps mean", got="none", hint="Fill it in.")
    dicom = _unique(asked.name("case", "scan"), [*(c.id for c in into.cases.values()), *map(_id_of, _names(files))])
    owners = {name: _owner(ref, into, files, dicom) for name, ref in masks.items()}
    if len(set(owners.values())) < len(owners):
        raise ConfigError("masks", expected="one label map for each scan", got="several for one")
    tables = {name: own_labels(MaskFiles(files / name)) for name in masks}
    refuse_other_numbers({name: table for name, table in tables.items() if table is not None}, names)

    for name in asked.texts("left_out"):
        _move(files / name, upload / "left_out" / name)  # data files stay, as nobody asks for them without a header
    if (files / DICOM).is_dir():
        (files / DICOM).rename(files / dicom)  # `condyle import` calls a case like its folder
        series = {uid: dicom if place == DICOM else place for uid, place in series.items()}
    for name, owner in owners.items():
        data = _data_file(files / name)
        if data is not None:
            _move(data, upload / "masks" / data.name)
        _move(files / name, upload / "masks" / f"{owner}{suffix_of(Path(name))}")
    steps = _scans(files, into, series, fix_tilt=asked.yes("fix_tilt"))
    if masks:
        more = ["--allow-unmatched", *(["--resample-masks"] if asked.yes("resample") else [])]
        steps.append((*enter(into.folder, into.labels, label_set, upload / "masks", names), *more))
    steps.append(("check", str(into.folder)))
    return Planned(f"Import into {into.folder.name}", workspace.dataset_key(into.folder), WRITES, tuple(steps))


def sources(upload: Path) -> list[Path]:
    """What `condyle import` is to be given: the folder of DICOM files, zips, and scans by name."""
    return sorted(p for p in (upload / "files").iterdir() if not is_data(p.name))


def _into(workspace: Workspace, asked: Asked) -> Into:
    if asked.has("dataset"):
        dataset = Dataset.open(workspace.dataset_folder(asked.text("dataset")))
        cases = {workspace.case_key(dataset, case): case for case in dataset.cases}
        return Into(dataset.folder, "", dataset.labels, cases)
    folder = workspace.folder / asked.name("name")
    if folder.exists():
        raise ConfigError("name", expected="one that is not taken", got=folder.name, hint="Choose another name.")
    return Into(folder, asked.name("channel", "CT"), Labels(()), {})


def _scans(files: Path, into: Into, series: Mapping[str, str], *, fix_tilt: bool) -> list[Step]:
    """The steps that import what is in a folder: files by name in one, each series that is named in one of its own."""
    words = [str(into.folder), *(["--channel", into.channel] if into.channel else []), *(["--fix-tilt"] * fix_tilt)]
    found = sources(files.parent)
    plain = [str(s) for s in found if s.is_file() and s.suffix != ".zip"]
    steps: list[Step] = [("import", *plain, *words)] if plain else []
    for source in (s for s in found if str(s) not in plain):
        named = [uid for uid, place in series.items() if place == source.name]
        whole: Step = ("import", str(source), *words)
        steps += [(*whole, "--series", uid) for uid in named] or [whole]
    return steps


def _owner(ref: str, into: Into, files: Path, dicom: str) -> str:
    """The id of the case that a label map belongs to."""
    if ref in into.cases:
        return into.cases[ref].id
    if ref == DICOM:
        return dicom
    return _id_of(require(ref if ref in _names(files) else None, "a scan of this upload"))


def _id_of(name: str) -> str:
    """What `condyle import` calls the case of a file or zip."""
    path = Path(name)
    return safe_name(stem_of(path) if suffix_of(path) else path.stem)


def _names(files: Path) -> list[str]:
    return [path.name for path in files.iterdir() if path.is_file()]


def _unique(name: str, taken: Sequence[str]) -> str:
    known = {id_.lower() for id_ in taken}
    return next(n for n in (name, *(f"{name}-{k}" for k in range(2, 100_000))) if n.lower() not in known)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    source.rename(target)


def _data_file(header: Path) -> Path | None:
    """The file of this upload that a header has its voxels in; None if they are in the header's own file."""
    name = told_data_file(header)
    path = header.parent / name
    return path if is_data(name) and path.parent == header.parent and path.is_file() else None


def _id(text: str) -> int:
    """A label's number.

    Raises:
        ConfigError: if it is none.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise ConfigError("names", expected="numbers from 1 to 65535, and a name for each", got=repr(text))
    return int(text)
