"""What every route needs: the workspace and its jobs."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from condyle.app.jobs.runner import Runner
from condyle.app.workspace import Workspace
from condyle.data import Case, Dataset


@dataclass(frozen=True)
class Served:
    """A workspace that is served.

    Args:
        workspace: The folder.
        runner: Its jobs.
    """

    workspace: Workspace
    runner: Runner


def served(request: Request) -> Served:
    """What the app of a request serves."""
    state: Served = request.app.state.served
    return state


def dataset_of(request: Request) -> Dataset:
    """The dataset of the key in a request's address.

    Raises:
        NotThereError: if there is none.
        DataError: if it cannot be read.
    """
    return served(request).workspace.dataset(request.path_params["dataset"])


def case_of(request: Request) -> tuple[Dataset, Case]:
    """The dataset and the case of the keys in a request's address.

    Raises:
        NotThereError: if there is none.
        DataError: if the dataset cannot be read.
    """
    dataset = dataset_of(request)
    return dataset, served(request).workspace.case(dataset, request.path_params["case"])
