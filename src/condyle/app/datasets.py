"""Routes of datasets: the list, the table of cases, the editor of labels."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from condyle.app.answers import answer
from condyle.app.bodies import json_body
from condyle.app.drawn import grid_of
from condyle.app.findings import by_case, last_findings
from condyle.app.jobs.pieces import nnunet_folder
from condyle.app.relabelling import edited_mark, mark_of, relabel
from condyle.app.reviews import Reviews
from condyle.app.revisions import current_number
from condyle.app.state import case_of, dataset_of, served
from condyle.app.target import Target
from condyle.app.thumbnails import tag, thumbnail
from condyle.app.workspace import Workspace
from condyle.data import Case, Dataset
from condyle.errors import CondyleError
from condyle.labels import Labels


def list_datasets(request: Request) -> Response:
    """`GET /api/datasets`: each with its numbers, or with what is wrong with it."""
    workspace = served(request).workspace
    out: list[dict[str, Any]] = []
    for folder in workspace.dataset_folders():
        entry: dict[str, Any] = {"key": workspace.dataset_key(folder), "name": folder.name, "folder": folder.name}
        try:
            dataset = Dataset.open(folder)
        except CondyleError as error:
            out.append({**entry, "fault": f"expected {error.expected}, got {error.got}"})
            continue
        entry |= {
            "name": dataset.name,
            "cases": len(dataset.cases),
            "groups": len({case.group for case in dataset.cases}),
            "channels": list(dataset.channels),
            "label_sets": list(dataset.label_sets),
            "structures": len(dataset.labels.structures),
        }
        if dataset.cases:
            entry["thumbnail"] = _picture(workspace, dataset, dataset.cases[0])
        out.append(entry)
    return answer({"datasets": out})


def one_dataset(request: Request) -> Response:
    """`GET /api/datasets/<d>`: its structures and its cases."""
    dataset = dataset_of(request)
    workspace = served(request).workspace
    reviews = Reviews(dataset)
    key = request.path_params["dataset"]
    return answer(
        {
            "key": key,
            "name": dataset.name,
            "channels": list(dataset.channels),
            "labels": dataset.labels.to_json(),
            "labels_mark": mark_of(dataset.labels),
            "label_sets": list(dataset.label_sets),
            "folds": None if dataset.folds is None else len(set(dataset.folds.parts.values()) - {"test"}),
            "findings": by_case(last_findings(served(request).runner, key)),
            "exported": nnunet_folder(workspace, dataset).is_dir(),
            "cases": [told_case(workspace, dataset, case, reviews) for case in dataset.cases],
        }
    )


def one_case(request: Request) -> Response:
    """`GET /api/datasets/<d>/cases/<c>`: a case, its grid and its neighbours."""
    dataset, case = case_of(request)
    workspace = served(request).workspace
    told = told_case(workspace, dataset, case, Reviews(dataset))
    ids = [other.id for other in dataset.cases]
    at = ids.index(case.id)
    before = dataset.cases[at - 1] if at > 0 else None
    after = dataset.cases[at + 1] if at + 1 < len(ids) else None
    neighbours = {
        name: None if other is None else workspace.case_key(dataset, other)
        for name, other in (("before", before), ("after", after))
    }
    grid = grid_of(dataset, case)
    told["grid"] = {
        "shape": list(grid.shape),
        "spacing_mm": list(grid.spacing_mm),
        "affine": grid.affine.tolist(),
        "orientation": grid.orientation,
    }
    return answer(told | neighbours)


def told_case(workspace: Workspace, dataset: Dataset, case: Case, reviews: Reviews) -> dict[str, Any]:
    """A case as plain data."""
    verdict = reviews.verdict(case.id)
    return {
        "key": workspace.case_key(dataset, case),
        "id": case.id,
        "group": case.group,
        "channels": list(case.images),
        "label_sets": {
            name: {"revision": current_number(Target(dataset, case, name))} for name in sorted(case.label_sets)
        },
        "verdict": verdict.verdict,
        "review": verdict.to_json(),
        "part": None if dataset.folds is None else dataset.folds.parts.get(case.id),
        "thumbnail": _picture(workspace, dataset, case),
    }


def picture(request: Request) -> Response:
    """`GET /api/datasets/<d>/cases/<c>/thumbnail`: a PNG."""
    dataset, case = case_of(request)
    path = thumbnail(dataset, case, served(request).workspace.own / "thumbnails")
    # The address has a tag of the files in it, so the picture of an address never changes.
    return FileResponse(path, media_type="image/png", headers={"Cache-Control": "private, max-age=31536000, immutable"})


async def put_labels(request: Request) -> Response:
    """`PUT /api/datasets/<d>/labels`: names, colours and sides of the structures; ids stay what they are.

    `If-Match` says which table was edited, by the mark that the dataset was told with.
    """
    body = await json_body(request)
    dataset = dataset_of(request)
    labels = Labels.from_json(body)
    await asyncio.to_thread(relabel, dataset.folder, labels, edited_mark(request.headers.get("if-match")))
    return answer({"labels": labels.to_json(), "labels_mark": mark_of(labels)})


def _picture(workspace: Workspace, dataset: Dataset, case: Case) -> str:
    d, c = workspace.dataset_key(dataset.folder), workspace.case_key(dataset, case)
    return f"/api/datasets/{d}/cases/{c}/thumbnail?{tag(dataset, case)}"


ROUTES = [
    Route("/api/datasets", list_datasets),
    Route("/api/datasets/{dataset}", one_dataset),
    Route("/api/datasets/{dataset}/labels", put_labels, methods=["PUT"]),
    Route("/api/datasets/{dataset}/cases/{case}", one_case),
    Route("/api/datasets/{dataset}/cases/{case}/thumbnail", picture),
]
