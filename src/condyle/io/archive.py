"""Zip files from anywhere, unpacked without harm.

A zip is a stranger's list of names and sizes. Nothing in it is believed: names that leave the folder, links,
encryption and expansion beyond the limits are refused before anything is unpacked, and no file gives more than
it declared. Zips inside a zip stay closed.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from condyle.errors import DataError
from condyle.progress import Track, silent

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much a zip may hold.

    Args:
        count: Number of files and folders.
        total_bytes: Size of all files together when unpacked.
        ratio: Unpacked size over the size of the zip. Counts only beyond `free_bytes`: an empty scan packs well.
        free_bytes: Up to this unpacked size any ratio is fine.
    """

    count: int = 50_000
    total_bytes: int = 8 << 30
    ratio: float = 200.0
    free_bytes: int = 256 << 20

    def allowed_bytes(self, packed_bytes: int) -> int:
        """The most that a zip of this size may unpack to."""
        return int(min(self.total_bytes, max(self.free_bytes, self.ratio * packed_bytes)))


@contextmanager
def unpacked(path: Path, *, limits: Limits | None = None, track: Track = silent) -> Iterator[Path]:
    """A temporary folder with the files of a zip under their own names; gone when the block ends.

    Args:
        path: The zip.
        limits: How much it may hold; the default is right for scans.
        track: Told of each file.

    Raises:
        DataError: if it is no zip, is truncated, encrypted or damaged; if a name is absolute, has `..` or
            comes twice; if it holds links; or if it is larger than the limits. Nothing is left behind.
    """
    with tempfile.TemporaryDirectory(prefix="condyle-") as name:
        folder = Path(name)
        with _opened(path) as archive:
            _extract(path, archive, folder, limits or Limits(), track)
        yield folder


def heads(path: Path, size: int, *, limits: Limits | None = None) -> Iterator[bytes]:
    """The first `size` bytes of each file in a zip, with nothing unpacked to disk.

    Raises:
        DataError: as `unpacked`.
    """
    with _opened(path) as archive:
        for entry in _checked(path, archive, limits or Limits()).values():
            with archive.open(entry) as source:
                yield source.read(size)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip; what its library raises within the block becomes a `DataError`."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError) as error:
        raise _refused(path, "a sound zip", f"a damaged, truncated or unknown kind ({error})") from error
    except OSError as error:
        raise _refused(path, "a zip that can be unpacked", error.strerror or str(error)) from error


def _checked(path: Path, archive: zipfile.ZipFile, limits: Limits) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """The files of the zip by safe relative name, refused by anything that its list gives away."""
    entries = archive.infolist()
    if len(entries) > limits.count:
        raise _refused(path, f"at most {limits.count} files in a zip", str(len(entries)))
    declared = sum(entry.file_size for entry in entries)
    allowed = limits.allowed_bytes(path.stat().st_size)
    if declared > allowed:
        expected = f"at most {allowed / 1e6:.0f} MB unpacked"
        raise _refused(path, expected, f"{declared / 1e6:.0f} MB")
    files: dict[PurePosixPath, zipfile.ZipInfo] = {}
    for entry in entries:
        name = _safe_name(path, entry)
        if entry.is_dir():
            continue
        if entry.flag_bits & 0x1:
            raise _refused(path, "a zip without a password", f"{name} encrypted")
        if name in files:
            raise _refused(path, "each name once", f"{name} twice")
        files[name] = entry
    return files


def _safe_name(path: Path, entry: zipfile.ZipInfo) -> PurePosixPath:
    # Old Windows tools write backslashes between folders.
    text = entry.orig_filename.replace("\\", "/")
    name = PurePosixPath(text)
    if not name.parts or name.is_absolute() or ".." in name.parts or ":" in name.parts[0] or "\0" in text:
        raise _refused(path, "names inside the zip's own folder", repr(entry.orig_filename))
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise _refused(path, "files and folders only", f"{name}, a link or device")
    return name


def _extract(path: Path, archive: zipfile.ZipFile, folder: Path, limits: Limits, track: Track) -> None:
    for name, entry in track(list(_checked(path, archive, limits).items()), "Unpacking"):
        target = folder.joinpath(*name.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        # The stream of a file ends at its declared size, whatever is packed; a longer one fails its checksum.
        # So what was checked of the declared sizes holds for the real ones.
        with archive.open(entry) as source, target.open("xb") as sink:
            shutil.copyfileobj(source, sink, _CHUNK)


def _refused(path: Path, expected: str, got: str) -> DataError:
    return DataError(path, expected=expected, got=got, hint="Unpack it yourself if you trust it, and give the folder.")
