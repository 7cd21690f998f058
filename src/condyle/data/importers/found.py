"""What an importer finds before any voxel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from condyle import io
from condyle.io import surface
from condyle.space import Volume

#: Suffixes of surface files.
MESHES = surface.SUFFIXES


@dataclass(frozen=True)
class ScanFile:
    """One image to read: a file, or one series in a file, folder or zip of DICOM."""

    path: Path
    series: str | None = None

    def read(self, *, spacing_mm: tuple[float, float, float] | None = None, fix_tilt: bool = False) -> Volume:
        """The image; the options go to `condyle.io.read` where the format has a use for them."""
        suffix = io.suffix_of(self.path)
        if suffix is None:
            return io.read(self.path, series=self.series, fix_tilt=fix_tilt)
        return io.read(self.path, spacing_mm=spacing_mm if suffix in {".tif", ".tiff"} else None)


@dataclass(frozen=True)
class MaskFiles:
    """The masks of a case: one label map, or one file (mask or surface) for each structure."""

    whole: Path | None = None
    parts: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundCase:
    """One case to import.

    Args:
        id: Safe as a file name.
        images: By channel.
        patient: PatientID of its DICOM files, or "".
        group: A group the source tells, or "".
    """

    id: str
    images: Mapping[str, ScanFile]
    patient: str = ""
    group: str = ""


def is_mesh(path: Path) -> bool:
    """Whether a file name is that of a surface."""
    return path.suffix.lower() in MESHES


def stem_of(path: Path) -> str:
    """A file's name without the suffix of its format: `case_01` of `case_01.nii.gz` or `case_01.ply`."""
    return path.stem if is_mesh(path) else io.stem_of(path)


def files_below(folder: Path, *, meshes: bool = False, deep: bool = True) -> list[Path]:
    """Files of known formats in a folder and (`deep`) the folders in it, sorted; hidden ones are skipped."""
    out = []
    for path in sorted(folder.rglob("*") if deep else folder.iterdir()):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and (io.suffix_of(path) or (meshes and is_mesh(path))):
            out.append(path)
    return out


def name_below(folder: Path, path: Path) -> str:
    """A file's path from a folder, with `/` and without its suffix: what patterns are matched against."""
    return (path.relative_to(folder).parent / stem_of(path)).as_posix()
