"""Files behind addresses: fetched whole before work, put back whole after it.

An address is what fsspec knows: `s3://bucket/scans/c01.nii.gz`, `file:///data/c01.nii.gz`, `memory://c01.nii.gz`.
Each kind of store needs its package (s3fs, gcsfs, adlfs ...), which also finds the credentials.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from condyle.errors import ConfigError, DataError

#: Two letters at least: `C:/` is a drive.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.IGNORECASE | re.DOTALL)


def is_address(text: str) -> bool:
    """Whether a word is an address rather than a path."""
    return "://" in text and _ADDRESS.fullmatch(text) is not None


def address_of(path: Path) -> str | None:
    """The address that a path was made of, or None if it is a path.

    A `Path` writes `s3://bucket/scan` as `s3:/bucket/scan`; this puts the slash back.
    """
    found = _ADDRESS.fullmatch(path.as_posix())
    if found is None:
        return None
    kind, rest = found.groups()
    return f"{kind}:///{rest}" if kind.lower() in ("file", "local") else f"{kind}://{rest}"


def place_of(path: Path) -> str:
    """A path, or the address it was made of, in words."""
    return address_of(path) or str(path)


def fetch(address: str, folder: Path) -> Path:
    """Copy a file, or a folder with all in it, to this machine.

    Args:
        address: What to fetch.
        folder: Where to put it, under its own name.

    Returns:
        The copy.

    Raises:
        DataError: if there is nothing, or the store does not answer.
        ConfigError: if there is no package for this kind of address.
    """
    with _store(address) as (store, place):
        if not store.exists(place):
            raise DataError(address, expected="a file or folder", got="nothing of that name")
        copy = folder / _name(address)
        folder.mkdir(parents=True, exist_ok=True)
        if store.isdir(place):
            store.get(place.rstrip("/") + "/", str(copy) + "/", recursive=True)
        else:
            store.get_file(place, str(copy))
    return copy


def put(local: Path, address: str) -> None:
    """Copy a file or folder to an address, in place of what is there.

    It is written under another name beside it and moved, so that a reader sees it whole or not at all. For a folder
    that holds where the store can move folders in one step (a disk can, an object store cannot).

    Raises:
        DataError: if it is not there, or the store refuses.
        ConfigError: if there is no package for this kind of address.
    """
    if not local.exists():
        raise DataError(local, expected="the result of the command", got="nothing of that name")
    with _store(address) as (store, place):
        parent, _, name = place.rstrip("/").rpartition("/")
        beside = f"{parent}/.condyle-{uuid.uuid4().hex}-{name}"
        store.makedirs(parent or "/", exist_ok=True)
        try:
            if local.is_dir():
                store.put(f"{local}/", f"{beside}/", recursive=True)
                if store.exists(place):
                    store.rm(place, recursive=True)
                store.mv(beside, place.rstrip("/"), recursive=True)
            else:
                store.put_file(str(local), beside)
                store.mv(beside, place)
        finally:
            if store.exists(beside):
                store.rm(beside, recursive=True)


def file_there(address: str) -> bool:
    """Whether there is a file. A folder does not count: on an object store it may be there in part.

    Raises:
        DataError: if the store does not answer.
        ConfigError: if there is no package for this kind of address.
    """
    with _store(address) as (store, place):
        return bool(store.isfile(place))


def children(address: str) -> list[str]:
    """The addresses of what lies directly in a folder, sorted, without hidden names.

    Raises:
        DataError: if there is no such folder, or the store does not answer.
        ConfigError: if there is no package for this kind of address.
    """
    with _store(address) as (store, place):
        if not store.isdir(place):
            raise DataError(address, expected="a folder", got="none of that name")
        names = sorted({_name(str(entry)) for entry in store.ls(place, detail=False)})
    return [f"{address.rstrip('/')}/{name}" for name in names if not name.startswith(".")]


def _name(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]


@contextmanager
def _store(address: str) -> Iterator[tuple[Any, str]]:
    """The store behind an address, and the place in it; its errors are told with the address."""
    import fsspec

    try:
        store, place = fsspec.core.url_to_fs(address)
        # A listing that is remembered would hide what others have written.
        store.invalidate_cache()
        yield store, place
    except (ImportError, ValueError) as error:
        if isinstance(error, (ConfigError, DataError)):
            raise
        hint = "Install the package of this kind of store, e.g. s3fs for s3."
        raise ConfigError(address, expected="an address that fsspec can open", got=str(error), hint=hint) from error
    except OSError as error:
        raise DataError(address, expected="a store that answers", got=f"{type(error).__name__}: {error}") from error
