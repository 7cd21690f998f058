"""Which label maps of a dataset are meant."""

from __future__ import annotations

from condyle.data import Dataset
from condyle.errors import ConfigError


def chosen_label_set(dataset: Dataset, wanted: str | None) -> str:
    """The label set that is named, or the only one there is.

    Raises:
        ConfigError: if there is none of that name, or several and none is named.
    """
    known = dataset.label_sets
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted is None or wanted not in known:
        raise ConfigError("label set", expected=f"one of {', '.join(known) or 'none'}", got=wanted or "no choice")
    return wanted
