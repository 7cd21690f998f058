"""`condyle plan`: what would be trained on a dataset, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condyle.config import to_json
from condyle.data.dataset import Dataset
from condyle.io.atomic import atomic_file, refuse_existing
from condyle.planning import Fingerprint, Planned, fingerprint, make_plan
from condyle.progress import Track, silent
from condyle.recipe import RECIPES, Recipe
from condyle.workflow.shared.label_sets import chosen_label_set


@dataclass(frozen=True)
class PlanResult:
    """A plan with its reasons.

    Args:
        folder: The dataset.
        label_set: Whose label maps it is made for.
        fingerprint: What was measured.
        planned: The plan.
        parameters: Numbers of the network.
        out: The file written, or None.
    """

    folder: str
    label_set: str
    fingerprint: Fingerprint
    planned: Planned
    parameters: int
    out: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data; `planned` and `fingerprint` as `config.from_json` reads them."""
        return {
            "folder": self.folder,
            "label_set": self.label_set,
            "fingerprint": to_json(self.fingerprint),
            "planned": to_json(self.planned),
            "parameters": self.parameters,
        }

    def __str__(self) -> str:
        head = f"{self.folder}, label set {self.label_set}"
        count = f"{'parameters':<14} {self.parameters / 1e6:.4g} million"
        written = [f"{self.out}: written"] if self.out else []
        return "\n".join([head, *map(str, self.planned.reasons), count, *written])


def plan(
    folder: Path,
    *,
    recipe: Recipe = RECIPES["default"],
    label_set: str | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> PlanResult:
    """Look at a dataset and say what would be trained on it, and why. Nothing is trained.

    Args:
        folder: A dataset.
        recipe: A named set of choices; what it leaves open follows from the data.
        label_set: Which label maps; needed where there are several sets.
        out: Write the plan, its reasons and the dataset's fingerprint to this JSON file.
        overwrite: Replace the file.
        track: Told of each case.

    Raises:
        DataError: if there is no dataset, nothing is labelled, or a case cannot be used; names the file.
        ConfigError: if there is no such label set, no clear choice, or the recipe does not suit the data.
    """
    dataset = Dataset.open(folder)
    chosen = chosen_label_set(dataset, label_set)
    if out is not None:
        refuse_existing(out, overwrite=overwrite)
    seen = fingerprint(dataset, chosen, track=track)
    planned = make_plan(seen, dataset.labels, recipe)
    from condyle.nets.count import parameters

    size = parameters(planned.plan.net)
    result = PlanResult(str(folder), chosen, seen, planned, size, None if out is None else str(out))
    if out is not None:
        with atomic_file(out, overwrite=overwrite) as temporary:
            temporary.write_text(json.dumps(result.to_json(), indent=1) + "\n", encoding="utf-8")
    return result
