"""Routes of downloads: one mask in another format, and all of a dataset as one zip."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from condyle.app.jobs.pieces import nnunet_folder
from condyle.app.state import case_of, dataset_of, served
from condyle.app.workspace import require
from condyle.data import load_labels
from condyle.data.dataset import FILE
from condyle.io import write_segments

_CHUNK = 1 << 20

#: What of a dataset goes into its zip, beside `dataset.json`.
_PARTS = ("images", "labels", "meshes", "corrections")


def segments(request: Request) -> Response:
    """`GET .../labels/<set>/seg.nrrd`: a label map as 3D Slicer reads it, names and colours in it."""
    dataset, case = case_of(request)
    label_set = request.path_params["set"]
    require(case.label_sets.get(label_set), "a label set of this case")
    with tempfile.TemporaryDirectory(prefix="condyle-") as folder:
        path = Path(folder) / "mask.seg.nrrd"
        write_segments(path, load_labels(dataset, case, label_set), dataset.labels)
        content = path.read_bytes()
    head = {"Content-Disposition": f'attachment; filename="{label_set}.seg.nrrd"'}
    return Response(content, media_type="application/octet-stream", headers=head)


def nifti(request: Request) -> Response:
    """`GET .../labels/<set>/nii.gz`: a label map as a file to keep."""
    dataset, case = case_of(request)
    label_set = request.path_params["set"]
    path = dataset.path(require(case.label_sets.get(label_set), "a label set of this case"))
    return FileResponse(path, media_type="application/gzip", filename=f"{label_set}.nii.gz")


def whole(request: Request) -> Response:
    """`GET /api/datasets/<d>/zip`: scans, label sets, revisions and meshes, in one file that grows as it is sent."""
    dataset = dataset_of(request)
    found = [dataset.folder / FILE, *(path for part in _PARTS for path in _below(dataset.folder / part))]
    return _sent("dataset.zip", dataset.folder, found)


def nnunet(request: Request) -> Response:
    """`GET /api/datasets/<d>/nnunet`: what was exported for nnU-Net, as a zip."""
    folder = nnunet_folder(served(request).workspace, dataset_of(request))
    return _sent("nnunet.zip", folder, require(_below(folder) or None, "an export for nnU-Net"))


def _sent(name: str, folder: Path, paths: Sequence[Path]) -> Response:
    head = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(zipped(folder, paths), media_type="application/zip", headers=head)


def zipped(folder: Path, paths: Sequence[Path]) -> Iterator[bytes]:
    """The bytes of a zip of files. Scans and masks are packed already, so they are stored as they are.

    Args:
        folder: What their names in the zip begin below.
        paths: Files in it.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path in paths:
            name = path.relative_to(folder).as_posix()
            # A zip knows no time before 1980: files of an archive that lost theirs would break it off.
            head = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with path.open("rb") as source, archive.open(head, "w") as entry:
                while chunk := source.read(_CHUNK):
                    entry.write(chunk)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


def _below(folder: Path) -> list[Path]:
    """Files below a folder, but for hidden ones and links."""
    found = sorted(folder.rglob("*"))
    return [p for p in found if p.is_file() and not p.is_symlink() and not _hidden(p.relative_to(folder))]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


class _Sink(io.RawIOBase):
    """A file that is only written to, and emptied again and again."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What was written since the last time."""
        out = b"".join(self._parts)
        self._parts.clear()
        return out


_SET = "/api/datasets/{dataset}/cases/{case}/labels/{set}"

ROUTES = [
    Route(_SET + "/seg.nrrd", segments),
    Route(_SET + "/nii.gz", nifti),
    Route("/api/datasets/{dataset}/zip", whole),
    Route("/api/datasets/{dataset}/nnunet", nnunet),
]
