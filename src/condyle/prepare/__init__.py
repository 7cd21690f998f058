"""A scan as a network wants it: the same for training and prediction.

The way back is resampling from a prepared case's `grid` to its `source` grid; a prepared case carries nothing else.
"""

from condyle.prepare.prepare import OUTSIDE, Prepared, prepare

__all__ = ["OUTSIDE", "Prepared", "prepare"]
