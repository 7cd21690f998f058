"""A model as one file: our folder in a zip, which `load` reads."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from condyle.io.atomic import atomic_file
from condyle.models.folder import save
from condyle.models.model import Model

#: The same model gives the same file, whenever it is packed; zip knows no date before this one.
_DATE = (1980, 1, 1, 0, 0, 0)


def pack(model: Model, path: Path, *, overwrite: bool = False) -> None:
    """Write a model as a zip; it is there whole or not at all.

    Args:
        model: What to pack.
        path: The zip. The folder in it has its name.
        overwrite: Whether to replace an earlier one.

    Raises:
        DataError: if the file exists and `overwrite` is false, or the disk refuses.
        ModelError: if weights cannot be read.
    """
    with (
        atomic_file(path, overwrite=overwrite) as temporary,
        tempfile.TemporaryDirectory(prefix=".condyle-", dir=temporary.parent.parent) as room,
    ):
        folder = Path(room) / path.stem
        save(model, folder)
        with zipfile.ZipFile(temporary, "w") as archive:
            for file in sorted(f for f in folder.rglob("*") if f.is_file()):
                _add(archive, file, file.relative_to(room).as_posix())


def _add(archive: zipfile.ZipFile, file: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr = 0o644 << 16
    # Weights are noise to a packer.
    entry.compress_type = zipfile.ZIP_STORED if file.suffix == ".safetensors" else zipfile.ZIP_DEFLATED
    entry.file_size = file.stat().st_size
    with file.open("rb") as source, archive.open(entry, "w") as sink:
        while chunk := source.read(1 << 20):
            sink.write(chunk)
