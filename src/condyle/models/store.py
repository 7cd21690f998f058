"""Models by name: those that are installed, in a folder of models, and those that come with the package.

* **store**: the folder, `~/.condyle/models` unless another is told. What is in it is our own kind of model folder,
  whatever it was installed from: JSON and safetensors, and nothing that could run.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from condyle.errors import ConfigError, DataError, ModelError
from condyle.io.atomic import refuse_existing
from condyle.models.download import check_digest, check_url, download, is_url, match, without_secrets
from condyle.models.folder import is_ours, save
from condyle.models.load import is_model, load
from condyle.models.shipped import DEFAULT, FOLDER, shipped
from condyle.progress import Track, silent


def default_store() -> Path:
    """Where models are installed unless another place is told."""
    return Path.home() / ".condyle" / "models"


def installed(store: Path | None = None) -> tuple[Path, ...]:
    """The models of a store, by name; none where there is no store."""
    folder = store or default_store()
    if not folder.is_dir():
        return ()
    return tuple(sorted(f for f in folder.iterdir() if is_ours(f) and not f.name.startswith(".")))


def named(store: Path | None = None, *, shipped_in: Path = FOLDER) -> dict[str, Path]:
    """The models that have a name: those of a store, and those that come with the package.

    An installed one goes before a shipped one of its name.

    Args:
        store: Another store than the usual one.
        shipped_in: The folder of shipped models.
    """
    return {folder.name: folder for folder in (*shipped(shipped_in), *installed(store))}


def look_up(name_or_path: str | Path, store: Path | None = None, *, shipped_in: Path = FOLDER) -> Path | None:
    """The path of a model that is named by its path or its name; None if there is none.

    A model at the path comes first, then an installed one of the name, then a shipped one. What lies at the path and
    is no model does not hide a name: `-o bones` may be the folder of masks that the model `bones` made.

    Args:
        name_or_path: Which.
        store: Another store than the usual one.
        shipped_in: The folder of shipped models.
    """
    path = Path(name_or_path)
    return path if is_model(path) else named(store, shipped_in=shipped_in).get(str(name_or_path))


def find(name_or_path: str | Path, store: Path | None = None, *, shipped_in: Path = FOLDER) -> Path:
    """As `look_up`; but what is at the path, if nothing else is found, is left to `load` to look at.

    Raises:
        ModelError: if there is nothing at all.
    """
    found = look_up(name_or_path, store, shipped_in=shipped_in)
    if found is not None:
        return found
    path = Path(name_or_path)
    if path.exists():
        return path
    names = _names(named(store, shipped_in=shipped_in))
    raise ModelError(
        path,
        expected=f"a model's folder or zip, or the name of a model{names}",
        got="nothing of that name",
        hint="Check the path, or install the model with `condyle model install`.",
    )


def default(store: Path | None = None, *, shipped_in: Path = FOLDER) -> Path:
    """The model that is asked where none is named: an installed `bones`, else the one that comes with the package.

    Raises:
        ModelError: if there is none.
    """
    found = named(store, shipped_in=shipped_in).get(DEFAULT)
    if found is None:
        hint = "Name a model: condyle segment MODEL SCANS... Or install one: condyle model install MODEL --name bones"
        raise ModelError(DEFAULT, expected="an installed model of that name, which is asked", got="none", hint=hint)
    return found


def remove(name: str, store: Path | None = None, *, shipped_in: Path = FOLDER) -> Path:
    """Remove an installed model; it is gone whole or not at all.

    Returns:
        Where it was.

    Raises:
        ModelError: if no model of that name is installed, or it is one that comes with the package.
        DataError: if the disk refuses.
    """
    folder = {f.name: f for f in installed(store)}.get(name)
    if folder is None:
        is_shipped = name in {f.name for f in shipped(shipped_in)}
        raise ModelError(
            name,
            expected=f"the name of an installed model{_names([f.name for f in installed(store)])}",
            got="one that comes with Condyle" if is_shipped else "nothing of that name",
            hint="It is part of the package and stays." if is_shipped else "See `condyle model list`.",
        )
    try:
        with tempfile.TemporaryDirectory(prefix=".condyle-", dir=folder.parent) as room:
            folder.rename(Path(room) / folder.name)
    except OSError as error:
        raise DataError(folder, expected="to be able to remove it", got=error.strerror or str(error)) from error
    return folder


def _names(names: Collection[str]) -> str:
    return f" ({', '.join(sorted(names))})" if names else ", of which there is none yet"


def install(
    source: str | Path,
    *,
    sha256: str | None = None,
    name: str | None = None,
    configuration: str | None = None,
    store: Path | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> Path:
    """Copy a model into the store, all its weights read and checked. It is there whole or not at all.

    Args:
        source: A folder or zip, ours or nnU-Net v2's, or the http(s) address of a zip.
        sha256: Of the zip. An address is not fetched without it.
        name: In the store; the source's own name if None.
        configuration: Which, where an nnU-Net folder holds several.
        store: Another store than the usual one.
        overwrite: Whether to replace a model of that name.
        track: Told of the download.

    Returns:
        The model's folder in the store.

    Raises:
        ConfigError: if a hash is missing or cannot be used, or the name is none.
        DataError: if the source cannot be had, is not the file of this hash, or the name is taken.
        ModelError: if it is no model, or any part of it cannot be used.
    """
    if is_url(str(source)):
        check_url(str(source))
        if sha256 is None:
            hint = "Whoever gives you the model tells its SHA-256; pass it with --sha256."
            raise ConfigError("sha256", expected="the hash of what is to be downloaded", got="none", hint=hint)
    target = (store or default_store()) / _checked_name(name or _name_of(source))
    refuse_existing(target, overwrite=overwrite)
    with _fetched(source, sha256, target.parent, track) as path:
        model = load(path, configuration=configuration)
        if is_url(str(source)):
            record = {**model.record, "installed_from": without_secrets(str(source)), "sha256": str(sha256).lower()}
            model = replace(model, record=record)
        save(model, target, overwrite=overwrite)
    return target


@contextmanager
def _fetched(source: str | Path, sha256: str | None, store: Path, track: Track) -> Iterator[Path]:
    """The source as a path, checked against the hash if there is one; what was downloaded is removed in the end."""
    if sha256 is None or not is_url(str(source)):
        path = Path(source)
        if sha256 is not None:
            _check_file(path, sha256)
        yield path
        return
    try:
        store.mkdir(parents=True, exist_ok=True)
        room = tempfile.TemporaryDirectory(prefix=".condyle-", dir=store)
    except OSError as error:
        raise DataError(store, expected="to be able to write there", got=error.strerror or str(error)) from error
    with room as folder:
        path = Path(folder) / "model.zip"
        download(str(source), path, sha256=sha256, track=track)
        yield path


def _check_file(path: Path, sha256: str) -> None:
    check_digest(sha256)
    if not path.is_file():
        raise ConfigError("sha256", expected="a zip: a folder has no hash", got=str(path))
    with path.open("rb") as file:
        match(path, hashlib.file_digest(file, "sha256").hexdigest(), sha256)


def _name_of(source: str | Path) -> str:
    last = unquote(urlsplit(str(source)).path).rstrip("/").rpartition("/")[2] if is_url(str(source)) else ""
    return (last or Path(source).resolve().name).removesuffix(".zip")


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        expected = "a name of letters, digits, dots, dashes and underscores"
        raise ConfigError("name", expected=expected, got=repr(name), hint="Give one with --name.")
    return name
