"""DICOM image series: found, checked, read; and written.

The way of a series: `files` (which files) -> `headers`, `frames` (what they say) -> `series` (which belong
together) -> `choice` (which is meant) -> `geometry` (one grid or a clear no) -> `decode`, `pixels` (values) ->
`tilt` (undone if asked).
"""

from condyle.io.dicom.files import is_dicom
from condyle.io.dicom.reading import find_series, read
from condyle.io.dicom.series import Series
from condyle.io.dicom.write import write_series

__all__ = ["Series", "find_series", "is_dicom", "read", "write_series"]
