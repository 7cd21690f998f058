"""What a check has to say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

#: `error`: training or measuring on it would be wrong. `warning`: probably a fault, look at it. `info`: good to know.
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """One fault, or one thing worth knowing.

    Args:
        severity: How bad it is.
        code: Which check, in a word or two that scripts can rely on.
        case: Id of the case; "" if it is about the dataset.
        where: The channel, label set, structure or file.
        message: What is the matter.
        advice: What to do.
    """

    severity: Severity
    code: str
    case: str
    where: str
    message: str
    advice: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.case, self.where) if part)
        return f"{self.severity}: {place}: {self.message} {self.advice}"
