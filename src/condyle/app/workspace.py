"""The folder that is served, and the keys that stand for what lies in it.

    <dataset>/dataset.json ...       datasets, side by side; or the folder is one dataset itself
    models/<name>/                   what was trained
    results/<name>/                  comparisons, evaluations
    .workspace/                      jobs, uploads, thumbnails: the app's own

Addresses hold keys only, never names: a folder or a case may be called after a patient, and addresses end up in
histories and logs. A key is looked up in what is there; it is never made into a path.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from condyle.data import Case, Dataset
from condyle.data.dataset import FILE
from condyle.errors import ConfigError
from condyle.io.atomic import atomic_file
from condyle.models.folder import is_ours

Thing = TypeVar("Thing")

#: Folders of a workspace that are no datasets.
_KEPT = {"models", "results"}


class NotThereError(ConfigError):
    """There is nothing of the key in an address."""


@dataclass(frozen=True)
class Workspace:
    """A folder that is served.

    Args:
        folder: The folder.
    """

    folder: Path

    @property
    def own(self) -> Path:
        """The app's own folder in it. Its name is not one that a writer of datasets sweeps up."""
        return self.folder / ".workspace"

    @cached_property
    def secret(self) -> bytes:
        """Makes keys that tell nothing of the name behind them; made once."""
        path = self.own / "secret"
        if not path.is_file():
            with atomic_file(path) as temporary:
                temporary.write_bytes(secrets.token_bytes(32))
                temporary.chmod(0o600)
        return path.read_bytes()

    def key(self, *names: str) -> str:
        """The key of a name, or of a name within another."""
        return hashlib.blake2b("\0".join(names).encode(), key=self.secret, digest_size=6).hexdigest()

    def dataset_folders(self) -> list[Path]:
        """Folders with a `dataset.json`, by name."""
        if (self.folder / FILE).is_file():
            return [self.folder]
        return [p for p in _folders(self.folder) if p.name not in _KEPT and (p / FILE).is_file()]

    def dataset_key(self, folder: Path) -> str:
        """The key of a dataset's folder."""
        return self.key("dataset", folder.name)

    def dataset_folder(self, key: str) -> Path:
        """The folder of a key.

        Raises:
            NotThereError: if there is none.
        """
        return _named(key, ((self.dataset_key(p), p) for p in self.dataset_folders()), "a dataset")

    def dataset(self, key: str) -> Dataset:
        """The dataset of a key.

        Raises:
            NotThereError: if there is none.
            DataError: if it cannot be read.
        """
        return Dataset.open(self.dataset_folder(key))

    def case_key(self, dataset: Dataset, case: Case) -> str:
        """The key of a case."""
        return self.key("case", dataset.folder.name, case.id)

    def case(self, dataset: Dataset, key: str) -> Case:
        """The case of a key.

        Raises:
            NotThereError: if there is none.
        """
        return _named(key, ((self.case_key(dataset, case), case) for case in dataset.cases), "a case")

    def model_folders(self) -> list[Path]:
        """Models and trainings of this workspace, then those that are installed or come with the package."""
        from condyle.models.store import named

        own = [p for p in _folders(self.folder / "models") if is_ours(p) or (p / "training" / "run.json").is_file()]
        return [*own, *named().values()]

    def model_key(self, folder: Path) -> str:
        """The key of a model's folder."""
        return self.key("model", str(folder))

    def model(self, key: str) -> Path:
        """The folder of a model's key.

        Raises:
            NotThereError: if there is none.
        """
        return _named(key, ((self.model_key(p), p) for p in self.model_folders()), "a model")

    def result_folders(self) -> list[Path]:
        """Comparisons and evaluations, by name."""
        return _folders(self.folder / "results")

    def result(self, key: str) -> Path:
        """The folder of a result's key.

        Raises:
            NotThereError: if there is none.
        """
        return _named(key, ((self.key("result", p.name), p) for p in self.result_folders()), "a result")


def require(found: Thing | None, what: str) -> Thing:
    """What was looked for.

    Raises:
        NotThereError: if it is None.
    """
    if found is None:
        raise NotThereError("address", expected=what, got="none of that key", hint="It may have been removed; go back.")
    return found


def _named(key: str, known: Iterable[tuple[str, Thing]], what: str) -> Thing:
    return require(next((item for name, item in known if name == key), None), what)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
