"""A model's card: what a user should know before trusting it, in Markdown, from what the model itself tells.

What is not known stands there as not known. Scores are taken from `record["validation"]`, which has a table of
measures for each structure: `{"femur": {"dice": 0.97, "hd95_mm": 1.2}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from condyle.models.facts import facts
from condyle.models.model import Model

#: Where the number of training cases stands, in our own records and those made from nnU-Net's.
_CASES = ("training_cases", "cases")


def card(model: Model, name: str) -> str:
    """The card of a model.

    Args:
        model: What it is of.
        name: Its heading.
    """
    told = facts(model)
    sections = {
        "What it finds": _structures(model, told),
        "What it needs": _needs(model, told),
        "How it was made": _made(model, told),
        "How well it does": _scores(model),
        "Licence": told["licence"] or "Not told. Ask whoever made it before you use it.",
        "Limits": _limits(model),
    }
    return f"# {name}\n" + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())


def _structures(model: Model, told: Mapping[str, Any]) -> str:
    rows = [[str(s.id), s.name, s.side or "", s.mirror or ""] for s in model.labels.structures]
    table = _table(["id", "structure", "side", "mirror partner"], rows)
    regions = [f"- {r.name}: {', '.join(told['structures'][i] for i in r.ids)}" for r in model.plan.regions]
    return "\n".join([table, *(["", "The network scores regions:", "", *regions] if regions else [])])


def _needs(model: Model, told: Mapping[str, Any]) -> str:
    spacing = " x ".join("the scan's own" if s is None else f"{s:g}" for s in model.plan.spacing_mm)
    lines = [
        f"- Channels, in this order: {', '.join(told['channels'])}",
        f"- Resampled to {spacing} mm along the tensor's axes ({', '.join(map(str, model.plan.axes))} of the scan)",
        f"- Orientation: {told['orientation']}",
    ]
    if model.before is not None:
        lines.append(f"- A stage before, stored with it: {told['stage_before']['network']}")
    return "\n".join(lines)


def _made(model: Model, told: Mapping[str, Any]) -> str:
    cases = next((model.record[key] for key in _CASES if model.record.get(key) is not None), "not told")
    lines = [
        f"- Network: {told['network']}, {told['parameters'] / 1e6:.3g} million parameters",
        f"- Folds: {', '.join(model.folds)}",
        f"- Training cases: {cases}",
    ]
    lines += [f"- {key}: {_plain(value)}" for key, value in model.record.items() if _is_plain(key, value)]
    lines += [f"- {key}: {_plain(value)}" for key, value in model.recipe.items() if _is_plain(key, value)]
    return "\n".join(lines)


def _scores(model: Model) -> str:
    scores = model.record.get("validation")
    if not isinstance(scores, Mapping) or not scores or not all(isinstance(s, Mapping) for s in scores.values()):
        return "Not told: its record has no validation scores. Compare it with masks of your own (`condyle evaluate`)."
    measures = list(dict.fromkeys(measure for row in scores.values() for measure in row))
    rows = [[str(name), *(_plain(row.get(measure, "")) for measure in measures)] for name, row in scores.items()]
    return _table(["structure", *measures], rows)


def _limits(model: Model) -> str:
    channels = ", ".join(c.name for c in model.plan.channels)
    lines = [
        f"- It knows scans like those it was trained on ({channels}). Of others it may make anything, without a word.",
        "- What is not in the table above it does not look for.",
        "- It is research software and no medical device: a person looks at every mask that matters.",
    ]
    if any(s.mirror for s in model.labels.structures):
        lines.append("- It tells left from right by the scan's orientation: a wrong one in the file swaps sides.")
    return "\n".join(lines)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def _is_plain(key: str, value: Any) -> bool:
    """Whether an entry fits on a line of its own, and does not stand elsewhere on the card."""
    elsewhere = key in {*_CASES, "licence", "license", "validation"}
    return not elsewhere and isinstance(value, str | int | float) and value != ""


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("\n", " ")
