"""The bytes of the voxels inside a file, plain or compressed.

Reading takes exactly as many bytes as the header promises, so that a small file cannot fill the memory.
Writing compresses blocks on two threads into one single stream, which every reader understands (several
readers stop after the first of many gzip members).
"""

from __future__ import annotations

import bz2
import io
import logging
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from condyle.errors import DataError

log = logging.getLogger("condyle")

Encoding = Literal["raw", "gzip", "zlib", "bzip2"]

_IsalError: type[Exception] = cast("type[Exception]", isal_zlib.IsalError)

#: The most bytes one stored byte can become: deflate's longest match costs two bits; a block of bzip2 holds
#: 900,000 run lengths of up to 51 bytes each in some 40 bytes.
LARGEST_RATIO: dict[Encoding, int] = {"raw": 1, "gzip": 1032, "zlib": 1032, "bzip2": 1_200_000}

_READ_BLOCK = 1 << 20
_WRITE_BLOCK = 1 << 21
_LEVEL = 1  # of isal's 0 to 3: levels 2 and 3 save 3 % of a CT for 15 % more time


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, open for reading; what the system or a decoder has against it becomes a `DataError`."""
    try:
        with path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error, _IsalError) as error:
        raise DataError(
            path,
            expected="a whole, readable file",
            got=str(error) or "its end too early",
            hint="It is damaged or cut short: copy or export it again.",
        ) from error


def decoded(file: BinaryIO, encoding: Encoding) -> BinaryIO:
    """The stream that the rest of `file` decodes to."""
    if encoding == "raw":
        return file
    decoders: dict[str, Any] = {"gzip": partial(igzip.GzipFile, None, "rb", 0), "zlib": _Inflated, "bzip2": bz2.BZ2File}
    stream: BinaryIO = decoders[encoding](file)
    return stream


class _Inflated(io.RawIOBase):
    """A zlib stream as a readable file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = isal_zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(_READ_BLOCK)
            if not packed:
                raise EOFError("the compressed stream ends too early")
            # A stream that has just been cut at max_length may yield nothing for some input.
            if plain := self._inflate.decompress(packed, len(buffer)):
                buffer[: len(plain)] = plain
                return len(plain)
        return 0


def read_bytes(path: Path, file: BinaryIO, encoding: Encoding, size: int, *, skip: int = 0) -> NDArray[np.uint8]:
    """Exactly the bytes a header promises.

    Args:
        path: The file, for errors.
        file: Open file at the start of the (compressed) data.
        encoding: How the data are stored.
        size: Number of decoded bytes wanted.
        skip: Decoded bytes before them; -1 takes the last `size` bytes of a raw file.

    Returns:
        uint8 (size,). Further bytes behind them are ignored with a warning.

    Raises:
        DataError: if the file cannot hold so many bytes, or holds fewer.
        OSError, EOFError, zlib.error: from the decoder on damaged data; see `opened`.
    """
    stored = os.fstat(file.fileno()).st_size - file.tell()
    if skip == -1 and encoding == "raw":
        skip = stored - size
    if skip < 0 or skip + size > stored * LARGEST_RATIO[encoding]:
        raise DataError(
            path,
            expected=f"{size:,} bytes of voxels, as the header says",
            got=f"{stored:,} bytes of {encoding} data, which cannot hold them",
            hint="It is damaged or cut short: copy or export it again.",
        )
    stream = decoded(file, encoding)
    if encoding == "raw":
        stream.seek(skip, os.SEEK_CUR)
    else:
        _skip(stream, skip)
    try:
        out = np.empty(size, np.uint8)
    except MemoryError as error:
        raise DataError(path, expected="voxels that fit the memory", got=f"{size:,} bytes") from error
    filled = 0
    while filled < size:
        count = stream.readinto(out.data[filled : filled + _READ_BLOCK])  # type: ignore[attr-defined]  # BinaryIO lacks it
        if not count:
            raise DataError(
                path,
                expected=f"{size:,} bytes of voxels, as the header says",
                got=f"only {filled:,}",
                hint="It is damaged or cut short: copy or export it again.",
            )
        filled += count
    # Asking for one byte more also makes the decoder compare its checksum.
    if stream.read(1):
        log.warning("%s: more data than the header says; the rest is ignored.", path)
    return out


def _skip(stream: BinaryIO, count: int) -> None:
    while count > 0:
        got = len(stream.read(min(count, _READ_BLOCK)))
        if not got:
            raise EOFError("its end before the first voxel")
        count -= got


def compressed(wrapper: Literal["gzip", "zlib"], *parts: bytes | memoryview) -> Iterator[bytes]:
    """The pieces of one gzip or zlib stream.

    ISA-L packs the same data in other, equally right, bytes once in a while: compare what files unpack to.

    Args:
        wrapper: gzip (RFC 1952, no name, time 0) or zlib (RFC 1950).
        parts: What to compress, one behind the other.
    """
    blocks = [part[at : at + _WRITE_BLOCK] for part in parts for at in range(0, len(part), _WRITE_BLOCK)]

    def deflate(block: bytes | memoryview) -> bytes:
        packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
        # A flush ends a block on a whole byte without ending the stream, so that blocks can be joined.
        out: bytes = packer.compress(block) + packer.flush(isal_zlib.Z_SYNC_FLUSH)
        return out

    yield b"\x1f\x8b\x08\0\0\0\0\0\0\xff" if wrapper == "gzip" else b"\x78\x01"
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(deflate, blocks)
    yield b"\x03\x00"  # an empty last block
    if wrapper == "gzip":
        size = sum(map(len, parts)) & 0xFFFFFFFF
        yield _chained(isal_zlib.crc32, parts, 0).to_bytes(4, "little") + size.to_bytes(4, "little")
    else:
        yield _chained(isal_zlib.adler32, parts, 1).to_bytes(4, "big")


def _chained(
    checksum: Callable[[bytes | memoryview, int], int], parts: Sequence[bytes | memoryview], start: int
) -> int:
    for part in parts:
        start = checksum(part, start)
    return start


def voxel_bytes(array: NDArray[Any]) -> memoryview:
    """The little-endian bytes of an array in file order, i fastest; a copy only where needed."""
    in_file_order = np.ascontiguousarray(array.T, array.dtype.newbyteorder("<"))
    return in_file_order.reshape(-1).view(np.uint8).data


def voxel_array(data: NDArray[np.uint8], dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The inverse of `voxel_bytes` for any byte order: an array (i, j, k) of native numbers."""
    array = data.view(dtype).reshape(shape, order="F")
    return array.astype(dtype.newbyteorder("="), copy=False)
