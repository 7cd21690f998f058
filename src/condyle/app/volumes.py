"""Routes of voxels: scans and label maps as NIfTI, as stored, and small ones to look at first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from condyle import io
from condyle.app.revisions import revisions
from condyle.app.state import case_of, served
from condyle.app.target import Target
from condyle.app.workspace import require
from condyle.data import Case, Dataset, load_image
from condyle.io.atomic import atomic_file
from condyle.space import Grid, Volume

#: Voxels along the longest axis of a coarse scan.
COARSE = 128

_NIFTI = "application/gzip"


def image(request: Request) -> Response:
    """`GET .../image/<channel>`: the scan, or with `?coarse=1` every n-th voxel of it."""
    dataset, case = case_of(request)
    channel = request.path_params["channel"]
    path = dataset.path(require(case.images.get(channel), "a channel"))
    if request.query_params.get("coarse"):
        path = coarse_file(dataset, case, channel, served(request).workspace.own / "coarse")
    return sent(request, path, _mark(path))


def labels(request: Request) -> Response:
    """`GET .../labels/<set>`: the newest revision of a label map."""
    dataset, case = case_of(request)
    label_set = request.path_params["set"]
    path = dataset.path(require(case.label_sets.get(label_set), "a label set of this case"))
    newest = revisions(Target(dataset, case, label_set))[-1]
    return sent(request, path, f'"{newest.mark}"', {"X-Revision": str(newest.revision)})


def uncertainty(request: Request) -> Response:
    """`GET .../uncertainty/<set>`: how much folds and mirrorings of a model disagreed, if that was asked for."""
    dataset, case = case_of(request)
    path = uncertainty_file(dataset, request.path_params["set"], case)
    return sent(request, require(path if path.is_file() else None, "an uncertainty of this label set"), _mark(path))


def uncertainty_file(dataset: Dataset, label_set: str, case: Case) -> Path:
    """Where it lies if there is one. The set's name stands for a folder only if the case has the set."""
    require(case.label_sets.get(label_set), "a label set of this case")
    return dataset.folder / "predictions" / label_set / f"{case.id}_uncertainty.nii.gz"


def coarse_file(dataset: Dataset, case: Case, channel: str, folder: Path) -> Path:
    """A file of a small version of a scan, made if it is not there yet.

    Raises:
        DataError: if the scan cannot be read.
    """
    source = dataset.path(case.images[channel])
    path = folder / f"{_mark(source).strip(chr(34))}.nii.gz"
    if not path.exists():
        with atomic_file(path, overwrite=True) as temporary:
            io.write(temporary, coarse(load_image(dataset, case, channel)), overwrite=True)
    return path


def coarse(volume: Volume) -> Volume:
    """Every n-th voxel along each axis, so that none is longer than `COARSE`; each stays where it is."""
    steps = [-(-n // COARSE) for n in volume.shape]
    array = np.ascontiguousarray(volume.array[tuple(slice(None, None, step) for step in steps)])
    affine = volume.grid.affine @ np.diag([*steps, 1.0])
    return Volume(array, Grid((array.shape[0], array.shape[1], array.shape[2]), affine))


def sent(request: Request, path: Path, mark: str, headers: dict[str, str] | None = None) -> Response:
    """A gzipped file, unless the browser has it."""
    head = {"ETag": mark, "Cache-Control": "no-cache", **(headers or {})}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=head)
    require(path if path.is_file() else None, "a file of the dataset")
    return FileResponse(path, media_type=_NIFTI, headers=head)


def _mark(path: Path) -> str:
    """A text that is another whenever the file is."""
    from hashlib import blake2b

    status = require(path if path.is_file() else None, "a file of the dataset").stat()
    text = f"{path} {status.st_size} {status.st_mtime_ns}"
    return f'"{blake2b(text.encode(), digest_size=8).hexdigest()}"'


_CASE = "/api/datasets/{dataset}/cases/{case}"

ROUTES = [
    Route(_CASE + "/image/{channel}", image),
    Route(_CASE + "/labels/{set}", labels),
    Route(_CASE + "/uncertainty/{set}", uncertainty),
]
