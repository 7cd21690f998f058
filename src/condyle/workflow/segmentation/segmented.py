"""What `condyle segment` reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from condyle.config import to_json
from condyle.io.remote import place_of
from condyle.predict.confidence.judge import Confidence
from condyle.workflow.segmentation.resources import Resources


@dataclass(frozen=True)
class Segmented:
    """What was segmented.

    Args:
        masks: Case to file.
        volumes_ml: Case to structure to volume.
        resources: Case to what it took.
        memory_gib: Case to the memory reckoned with before prediction.
        confidence: Case to structure to how far it may be trusted, where the model can tell.
        skipped: Cases whose files were there.
        failed: Case to what went wrong.
    """

    masks: Mapping[str, Path] = field(default_factory=dict)
    volumes_ml: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    resources: Mapping[str, Resources] = field(default_factory=dict)
    memory_gib: Mapping[str, float] = field(default_factory=dict)
    confidence: Mapping[str, Mapping[str, Confidence]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> dict[str, float]:
        """Case to time from the read scan to the cleaned mask."""
        return {case: took.seconds for case, took in self.resources.items()}

    @property
    def exit_code(self) -> int:
        return 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "masks": {case: place_of(path) for case, path in self.masks.items()},
            "volumes_ml": {case: dict(volumes) for case, volumes in self.volumes_ml.items()},
            "seconds": {case: round(s, 2) for case, s in self.seconds.items()},
            "resources": {case: took.to_json() for case, took in self.resources.items()},
            "memory_gib": {case: round(gib, 2) for case, gib in self.memory_gib.items()},
            **({"confidence": to_json(self.confidence)} if self.confidence else {}),
            "skipped": list(self.skipped),
            "failed": dict(self.failed),
        }

    def __str__(self) -> str:
        lines = []
        for case, path in self.masks.items():
            lights = self.confidence.get(case, {})
            found = ", ".join(_found(name, ml, lights.get(name)) for name, ml in self.volumes_ml[case].items())
            found = found or "nothing found"
            lines.append(
                f"{place_of(path)}: {found} ({self.seconds[case]:.1f} s, up to {self.memory_gib[case]:.1f} GiB)"
            )
            lines += [f"  {name}: {c}: {'; '.join(c.reasons)}" for name, c in lights.items() if c.light != "green"]
        if self.skipped:
            lines.append(f"already there: {', '.join(self.skipped)}")
        lines += [f"failed: {case}: {what}" for case, what in self.failed.items()]
        return "\n".join(lines)


def _found(name: str, ml: float, confidence: Confidence | None) -> str:
    light = "" if confidence is None else f" {confidence.light}"
    return f"{name} {ml:.1f} ml{light}"
