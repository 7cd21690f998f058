"""Editing a dataset's table of structures: of which table, with which names.

Two people may have the table open. What one of them changed in between would be undone by the other, and a number in
the label maps would mean something else; so an edit says which table it is one of.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from condyle.app.answers import ConflictError
from condyle.app.waiting import soon_alone
from condyle.data import Dataset
from condyle.errors import ConfigError
from condyle.labels import Labels

_MOST_LETTERS = 100


def mark_of(labels: Labels) -> str:
    """A text that is another whenever the table is."""
    content = json.dumps(labels.to_json(), sort_keys=True).encode()
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def edited_mark(header: str | None) -> str:
    """The mark in an `If-Match` header.

    Raises:
        ConfigError: if there is none.
    """
    found = re.fullmatch(r'"(\w+)"', header or "")
    if found is None:
        hint = "Send the dataset's labels_mark as If-Match."
        raise ConfigError("If-Match", expected="the table that was edited", got="none", hint=hint)
    return found[1]


def relabel(folder: Path, labels: Labels, edited: str) -> None:
    """Give a dataset another table of structures.

    Args:
        folder: The dataset's.
        labels: The table.
        edited: The mark of the table that it is an edit of.

    Raises:
        ConflictError: if somebody else has changed the table since. Nothing is written then, nor in any case below.
        ConfigError: if an id is gone, or a new name cannot be one.
        LockedError: if a job writes to the dataset.
        DataError: if it cannot be read or written.
    """
    with soon_alone(folder):
        dataset = Dataset.open(folder)
        if mark_of(dataset.labels) != edited:
            raise ConflictError(
                "labels",
                expected="an edit of the newest table",
                got="one of an older: somebody has changed the structures since",
                hint="Nothing was overwritten. Close this, open the labels again and make your changes there.",
                current={"labels": dataset.labels.to_json(), "labels_mark": mark_of(dataset.labels)},
            )
        _require_ids(dataset.labels, labels)
        _require_names(set(dataset.labels.names), labels)
        replace(dataset, labels=labels).save()


def _require_ids(before: Labels, after: Labels) -> None:
    gone = set(before.ids) - set(after.ids)
    if gone:
        raise ConfigError(
            "labels",
            expected=f"the ids {', '.join(map(str, before.ids))}, with more if you like",
            got=f"none for {', '.join(map(str, sorted(gone)))}",
            hint="Ids stand in the label maps; a structure can be renamed but not removed here.",
        )


def _require_names(known: Collection[str], labels: Labels) -> None:
    """Refuse new names that no command could be given, or that look like a path; what came with a scan may stay."""
    for name in labels.names:
        if name not in known and not _is_name(name):
            raise ConfigError(
                "labels",
                expected="names in letters, digits and signs, but without = / \\ and not beginning with . or -",
                got=repr(name),
                hint="Choose another name.",
            )


def _is_name(text: str) -> bool:
    fine = text == text.strip() and text.isprintable() and not set(text) & set("=/\\")
    return fine and 0 < len(text) <= _MOST_LETTERS and text[0] not in ".-"
