"""Arrays and data as text that a page can carry."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from numpy.typing import NDArray


def packed(array: NDArray[Any]) -> str:
    """An array's bytes, little-endian, first axis fastest, gzipped, base64."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    # mtime 0: the same page from the same data.
    return base64.b64encode(gzip.compress(little.tobytes(order="F"), 9, mtime=0)).decode("ascii")


def script_json(data: Any) -> str:
    """JSON that is safe inside a `<script>` element, whatever its strings say.

    Raises:
        ValueError: if a number is NaN or infinite, which JSON does not know.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
