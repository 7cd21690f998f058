"""What a model is, as plain data, without reading its weights: for pages, tables and other programs."""

from __future__ import annotations

from typing import Any

from condyle.config import Channel
from condyle.models.model import Model


def facts(model: Model) -> dict[str, Any]:
    """A model in words and numbers; lengths in mm, sizes along the tensor's axes."""
    from condyle.nets.count import parameters

    plan = model.plan
    out: dict[str, Any] = {
        "network": f"{plan.net.kind}, {plan.net.dim}-D, {len(plan.net.features)} stages",
        "parameters": parameters(plan.net),
        "folds": list(model.folds),
        "channels": [f"{c.name} ({_normalized(c)})" for c in plan.channels],
        "structures": {s.id: s.name for s in model.labels.structures},
        "regions": {r.name: list(r.ids) for r in plan.regions},
        "ignore": model.labels.ignore,
        "spacing_mm": list(plan.spacing_mm),
        "patch": list(plan.patch),
        "axes": list(plan.axes),
        "orientation": plan.orientation or "as stored",
        "mirror": list(plan.mirror),
        "mirrored": plan.mirrored,
        "cleanup": list(model.cleanup),
        "licence": licence(model),
        "record": dict(model.record),
        "recipe": dict(model.recipe),
    }
    return out if model.before is None else out | {"stage_before": facts(model.before)}


def licence(model: Model) -> str | None:
    """The licence that the record tells, or None."""
    told = model.record.get("licence") or model.record.get("license")
    return None if told is None else str(told)


def _normalized(channel: Channel) -> str:
    if channel.normalize == "ct":
        return f"ct: {channel.low:g} to {channel.high:g}"
    return f"{channel.normalize}, where not 0" if channel.nonzero_only else channel.normalize
