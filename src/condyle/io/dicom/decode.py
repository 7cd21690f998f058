"""Stored pixels of one file, whatever way they are packed.

A damaged file must end in an error, not in a crash of the process: GDCM's decoders abort on damaged streams
and are not used. The decoders below survive random bytes.

* native: the bytes as they are;
* RLE, JPEG-LS, JPEG 2000: pydicom with its own decoder, CharLS and OpenJPEG;
* JPEG baseline, extended and lossless: libjpeg-turbo, from imagecodecs.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.io.dicom.elements import uid_name, understood
from condyle.io.dicom.headers import Header

if TYPE_CHECKING:
    from pydicom import Dataset

Images = NDArray[Any]

#: Byte order of the transfer syntaxes that do not compress pixels.
_NATIVE: dict[str, Literal["<", ">"]] = {
    "1.2.840.10008.1.2": "<",
    "1.2.840.10008.1.2.1": "<",
    "1.2.840.10008.1.2.1.99": "<",
    "1.2.840.10008.1.2.2": ">",
}

#: Which of pydicom's plugins decodes a transfer syntax.
_PLUGINS = {
    "1.2.840.10008.1.2.5": "pydicom",  # RLE
    "1.2.840.10008.1.2.4.80": "pyjpegls",  # JPEG-LS, lossless and near lossless
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000, lossless and lossy
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # high-throughput JPEG 2000
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}

#: Baseline, extended (12 bit), lossless with any predictor, lossless with the first.
_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}


def stored_images(header: Header, indices: list[int]) -> list[Images]:
    """Some images of a file.

    Returns:
        Stored values, each (rows, columns) in the type of the allocated bits, unused bits removed.

    Raises:
        DataError: if the pixels are truncated, cannot be decoded, or are packed in an unknown way.
    """
    from pydicom import dcmread

    if header.syntax in _NATIVE:
        with understood(header.file):
            dataset = dcmread(header.file.path, specific_tags=["PixelData"], force=True)
            images = _native(header, dataset)
        return [_used_bits(images[index], header, header.high_bit) for index in indices]
    try:
        with understood(header.file):
            images = _decoded(header, dcmread(header.file.path, force=True))
    except DataError as error:
        raise DataError(
            header.file.shown,
            expected="pixels that can be decoded",
            got=f"{uid_name(header.syntax)}, which failed ({error.__cause__})",
            hint="The file may be truncated; or convert it with another tool to uncompressed DICOM.",
        ) from error
    return [_used_bits(images[index], header, header.bits_stored - 1) for index in indices]


def _native(header: Header, dataset: Dataset) -> Images:
    """All images of an uncompressed file: (frames, rows, columns)."""
    data = dataset.get("PixelData") or b""
    kind = _kind(header).newbyteorder(_NATIVE[header.syntax])
    shape = (header.n_frames, header.rows, header.columns)
    wanted = prod(shape) * kind.itemsize
    if len(data) < wanted:
        raise DataError(
            header.file.shown,
            expected=f"{wanted} bytes of pixels",
            got=f"{len(data)}",
            hint="The file is truncated; copy or export it again.",
        )
    return np.frombuffer(data, kind, count=prod(shape)).reshape(shape)


def _decoded(header: Header, dataset: Dataset) -> Images:
    """All images of a compressed file: (frames, rows, columns)."""
    from pydicom.pixels.utils import pixel_array

    if header.syntax in _JPEG:
        images = _jpeg(header, dataset)
    elif header.syntax in _PLUGINS:
        images = pixel_array(dataset, decoding_plugin=_PLUGINS[header.syntax])
    else:
        raise NotImplementedError("there is no decoder for it here")
    return images.reshape(header.n_frames, header.rows, header.columns).astype(_kind(header), copy=False)


def _jpeg(header: Header, dataset: Dataset) -> Images:
    from imagecodecs import jpeg8_decode
    from pydicom.encaps import generate_frames

    images = []
    for stream in generate_frames(dataset.PixelData, number_of_frames=header.n_frames):
        # libjpeg fills what is missing of a short stream with grey, and says nothing.
        if not stream.rstrip(b"\0").endswith(b"\xff\xd9"):
            raise EOFError("the JPEG stream breaks off")
        images.append(jpeg8_decode(stream))
    return np.stack(images)


def _kind(header: Header) -> np.dtype[Any]:
    return np.dtype(f"{'i' if header.is_signed else 'u'}{header.bits_allocated // 8}")


def _used_bits(image: Images, header: Header, high_bit: int) -> Images:
    """Without what lies above or below the stored bits (overlays in old files), the sign carried up."""
    if header.bits_stored == header.bits_allocated:
        return image
    up = header.bits_allocated - 1 - high_bit
    native = image.astype(_kind(header), copy=False)
    return (native << up) >> (header.bits_allocated - header.bits_stored)
