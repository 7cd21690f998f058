"""What people said of cases: accepted, corrected, rejected. One file in the dataset, `corrections/reviews.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from condyle.app.target import corrections
from condyle.data import Dataset
from condyle.data.lock import one_writer
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_file

Verdict = Literal["new", "accepted", "corrected", "rejected"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Review:
    """What was said of a case last.

    Args:
        verdict: `new` where nobody has looked.
        who: Who said it.
        when: UTC, as ISO 8601 has it.
        remark: In words.
    """

    verdict: Verdict = "new"
    who: str = ""
    when: str = ""
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class Reviews:
    """The reviews of a dataset, as they were when it was opened.

    Args:
        dataset: The dataset.

    Raises:
        DataError: if the file cannot be read.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._path = corrections(dataset) / "reviews.json"
        self._all: dict[str, Review] = {}
        if self._path.is_file():
            try:
                content = json.loads(self._path.read_text(encoding="utf-8"))
                self._all = {case: Review(**review) for case, review in content.items()}
            except (OSError, ValueError, TypeError, AttributeError) as error:
                hint = "Mend or remove it."
                raise DataError(self._path, expected="reviews of cases", got=str(error), hint=hint) from error

    def verdict(self, case_id: str) -> Review:
        """The review of a case."""
        return self._all.get(case_id, Review())


def review(dataset: Dataset, case_id: str, verdict: str, who: str, remark: str = "") -> Review:
    """Note what somebody says of a case.

    Raises:
        ConfigError: if the verdict is none.
        DataError: if it cannot be written.
    """
    for known in VERDICTS:
        if known == verdict:
            said = Review(known, who, now(), remark)
            break
    else:
        raise ConfigError("verdict", expected=f"one of {', '.join(VERDICTS)}", got=repr(verdict))
    folder = corrections(dataset)
    with one_writer(folder, make=True, wait=True):
        reviews = Reviews(dataset)._all | {case_id: said}
        content = {case: r.to_json() for case, r in sorted(reviews.items())}
        with atomic_file(folder / "reviews.json", overwrite=True) as temporary:
            temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return said


def now() -> str:
    """The time, to the second, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
