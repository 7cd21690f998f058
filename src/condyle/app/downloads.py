"""Routes of downloads: one mask in another format, and all of a dataset as one zip."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from condyle.app.state import case_of, dataset_of
from condyle.app.workspace import require
from condyle.data import Dataset, load_labels
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
    head = {"Content-Disposition": 'attachment; filename="dataset.zip"'}
    return StreamingResponse(zipped(dataset), media_type="application/zip", headers=head)


def zipped(dataset: Dataset) -> Iterator[bytes]:
    """The bytes of a zip of a dataset. What is in it is packed already, so it is stored as it is."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for path in _files(dataset):
            name = path.relative_to(dataset.folder).as_posix()
            with path.open("rb") as source, archive.open(zipfile.ZipInfo.from_file(path, name), "w") as entry:
                while chunk := source.read(_CHUNK):
                    entry.write(chunk)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


def _files(dataset: Dataset) -> list[Path]:
    found = [p for part in _PARTS for p in sorted((dataset.folder / part).rglob("*"))]
    kept = [p for p in found if p.is_file() and not p.is_symlink() and not _hidden(p.relative_to(dataset.folder))]
    return [dataset.folder / FILE, *kept]


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
]
