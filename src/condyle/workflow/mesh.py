"""`condyle mesh`: a label map's structures as sound surfaces, each with its passport."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from condyle.errors import ConfigError, DataError
from condyle.io import read_labels
from condyle.io.atomic import atomic_folder, refuse_replacing
from condyle.jobs.settings import JobSettings
from condyle.labels import Labels, Structure, present_ids
from condyle.meshes.bodies import MeshSettings, bodies
from condyle.meshes.file_names import SCENE, file_stems
from condyle.meshes.formats import FORMATS, Part, Space
from condyle.meshes.passport import Passport, passport
from condyle.progress import Track, silent
from condyle.workflow.shared.cohort import CohortDone, cases_at, result_in, task, told, work_off
from condyle.workflow.shared.command import command_of
from condyle.workflow.shared.naming import labels_for

PASSPORTS = "passports.json"
#: What a folder of surfaces holds.
_HOLDS = (".json", ".mtl", *(f".{format_}" for format_ in FORMATS))


@dataclass(frozen=True)
class Meshed:
    """What was written, and what is known of it.

    Args:
        out: The folder.
        files: Names of the mesh files in it.
        passports: One a structure.
    """

    out: Path
    files: tuple[str, ...]
    passports: tuple[Passport, ...]

    @property
    def exit_code(self) -> int:
        """1 if a surface fails a check."""
        return 1 if any(p.failed for p in self.passports) else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "out": str(self.out),
            "files": list(self.files),
            "sound": self.exit_code == 0,
            "structures": [p.to_json() for p in self.passports],
        }

    def __str__(self) -> str:
        return "\n".join([*map(str, self.passports), f"{self.out}: {', '.join(self.files) or 'no mesh'}, {PASSPORTS}"])


def mesh(
    mask: Path,
    *,
    out: Path | None = None,
    settings: MeshSettings = MeshSettings(),  # noqa: B008 - frozen
    formats: Sequence[str] = ("stl",),
    scenes: Sequence[str] = (),
    space: Space = "RAS",
    names: Mapping[str, int] | None = None,
    table: Path | None = None,
    bed: tuple[float, float, float] | None = None,
    wall: float | None = None,
    spacing: tuple[float, float, float] | None = None,
    jobs: JobSettings = JobSettings(),  # noqa: B008 - frozen
    overwrite: bool = False,
    track: Track = silent,
) -> Meshed | CohortDone:
    """Make one watertight surface of each structure of a label map, in mm in the patient, and check it.

    Structures that touch share faces and overlap nowhere. `passports.json` beside the meshes tells how sound each
    is and how true to its mask; if one fails a check the exit code is 1.

    Args:
        mask: A mask or label map; with --run-on a folder of them, here or behind an address (s3://...).
        out: The folder to write; with --run-on, one or an address to write a folder for each case to.
        settings: Budgets of smoothing and of triangles.
        formats: Files of each structure: stl, ply, obj, glb, 3mf; or none.
        scenes: Files of all structures together, with names and colours: 3mf, glb, obj, ply, stl.
        space: World of the files: RAS, or LPS as in DICOM. 3D Slicer reads which from the file's head. A glb
            stands upright and in metres in either, as that format wants it.
        names: Structures by name and id, e.g. femur_right=1. A .seg.nrrd names its own.
        table: A JSON file of them: a dataset.json or {"femur_right": 1}.
        bed: Print bed in mm that each structure has to fit on; by default the fit is told but not asked for.
        wall: Thinnest wall in mm that can be printed; by default the thinnest is told but not asked for.
        spacing: Voxel spacing in mm of a TIFF stack that does not tell its own.
        jobs: Where to work on a cohort.
        overwrite: Replace the folder if there is one.
        track: Told of each group of structures that touch.

    Raises:
        DataError: if the mask cannot be read, is empty or noise, or the folder cannot be written.
        ConfigError: if there is no folder to write, or a format is unknown.
    """
    if out is None:
        raise ConfigError("out", expected="a folder to write the meshes to (-o)", got="none")
    formats, scenes = ([f for f in asked if f != "none"] for asked in (formats, scenes))
    if unknown := sorted({*formats, *scenes} - set(FORMATS)):
        raise ConfigError("format", expected=f"some of {', '.join(FORMATS)}", got=", ".join(unknown))
    if space not in ("RAS", "LPS"):
        raise ConfigError("space", expected="RAS or LPS", got=str(space))
    if jobs.run_on:
        options = {"settings": settings, "formats": formats or ["none"], "scenes": scenes, "space": space, "bed": bed}
        options |= {"names": names, "table": table and table.absolute(), "wall": wall, "spacing": spacing}
        return _mesh_cohort(mask, out, {**options, "overwrite": overwrite}, jobs, track)
    refuse_replacing(out, overwrite=overwrite, holds=_HOLDS)
    volume = read_labels(mask, spacing_mm=spacing)
    ids = list(present_ids(volume.array))
    if not ids:
        raise DataError(mask, expected="a mask with something in it", got="nothing but background")
    structures = _structures(ids, labels_for(mask, names=names, table=table))
    made = bodies(volume, settings, track=track)
    sha256 = _sha256(mask)
    passports = [
        passport(
            made[id_],
            structures[id_],
            settings,
            spacing_mm=volume.spacing_mm,
            source=mask.name,
            source_sha256=sha256,
            bed_mm=bed,
            least_wall_mm=wall,
        )
        for id_ in track(ids, "Checking")
    ]
    passports = _with_sides(passports, structures)
    parts = [Part(s.name, s.color, made[id_].smooth.surface) for id_, s in structures.items()]
    parts = [part for part in parts if len(part.surface.triangles)]
    files: dict[str, bytes] = {}
    stems = file_stems([part.name for part in parts])
    for part in parts:
        for format_ in formats:
            files |= FORMATS[format_]([part], space, stems[part.name])
    for format_ in scenes:
        files |= FORMATS[format_](parts, space, SCENE)
    result = Meshed(out, tuple(sorted(files)), tuple(passports))
    with atomic_folder(out, overwrite=overwrite, holds=_HOLDS) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        sound = {"sound": result.exit_code == 0, "structures": [p.to_json() for p in passports]}
        (folder / PASSPORTS).write_text(json.dumps(sound, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def _mesh_cohort(masks: Path, out: Path, options: Mapping[str, Any], jobs: JobSettings, track: Track) -> CohortDone:
    """Have each mask's surfaces made by a command of its own, in a folder named like the mask."""
    folders = {id_: (case, result_in(out, id_)) for id_, case in cases_at(masks).items()}
    tasks = [
        task(id_, command_of(mesh, mask=case, out=folder, **options), folder) for id_, (case, folder) in folders.items()
    ]
    return told(out, work_off(tasks, out, jobs, "Meshing", track), jobs)


def _structures(ids: list[int], labels: Labels | None) -> dict[int, Structure]:
    """The structure of each id; one that nobody names is called `label_<id>`."""
    known = {s.id: s for s in labels.structures} if labels else {}
    unnamed = Labels.of({f"label_{id_}": id_ for id_ in ids if id_ not in known}).structures
    return {s.id: s for s in sorted([*(known[i] for i in ids if i in known), *unnamed], key=lambda s: s.id)}


def _with_sides(passports: list[Passport], structures: dict[int, Structure]) -> list[Passport]:
    """A check more for structures whose mirror partner is there: left lies left of right."""
    middle_x = {p.name: p.centre_mm[0] for p in passports}
    out = []
    for p in passports:
        partner = structures[p.id].mirror
        if partner in middle_x and p.side is not None:
            is_left = middle_x[p.name] < middle_x[partner]
            p = replace(p, checks={**p.checks, "side": is_left == (p.side == "left")})  # noqa: PLW2901
        out.append(p)
    return out


def _sha256(path: Path) -> str:
    """Of a file, or of all files of a folder in the order of their names."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        with file.open("rb") as opened:
            for block in iter(lambda: opened.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
