"""What speaks for and against a structure, in plain words."""

from __future__ import annotations

from condyle.labels import without_side
from condyle.predict.confidence.evidence import Evidence

#: From here on it is told: mean agreement below, islands above, deviations above, share of a cut bone below.
_AGREEMENT, _ISLANDS, _SIZE_Z, _SHAPE_Z, _SHARE = 0.9, 0.003, 2.0, 2.0, 0.15


def reasons(name: str, evidence: Evidence) -> tuple[str, ...]:
    """Sentences about one structure, what weighs most first; never none.

    Args:
        name: The structure's.
        evidence: What was found.
    """
    bone = without_side(name).replace("_", " ")
    told = [*_side(evidence), *_agreement(evidence), *_islands(evidence), *_size(bone, evidence)]
    if evidence.shape_z is not None and evidence.shape_z > _SHAPE_Z:
        told.append(f"shaped unlike any usual {bone}")
    if evidence.cut:
        little = evidence.share is not None and evidence.share < _SHARE
        told.append("cut by the border" + (", only a small piece in view" if little else ""))
    return tuple(told) or ("nothing stands out",)


def _side(evidence: Evidence) -> list[str]:
    return [f"named {evidence.side}, but lies on the {evidence.lies_on}"] if evidence.wrong_side else []


def _agreement(evidence: Evidence) -> list[str]:
    mean = sum(evidence.agreement) / max(1, len(evidence.agreement))
    if not evidence.agreement or mean >= _AGREEMENT:
        return []
    if mean == 0:
        return ["changed pictures show none of it"]
    return [f"changed pictures give another outline: Dice {mean:.2f}"]


def _islands(evidence: Evidence) -> list[str]:
    if evidence.islands <= _ISLANDS:
        return []
    count = "two" if evidence.parts == 2 else str(evidence.parts)
    return [f"{count} parts: {max(1, round(100 * evidence.islands))} % of it lie apart"]


def _size(bone: str, evidence: Evidence) -> list[str]:
    """Beside its other bones, which says more than beside other people's."""
    if evidence.beside_z is not None and evidence.beside is not None and abs(evidence.beside_z) > _SIZE_Z:
        return [_times(evidence.beside, "than the other bones let expect")]
    if evidence.size_z is None or evidence.share is None or abs(evidence.size_z) <= _SIZE_Z:
        return []
    return [_times(evidence.share, f"than a usual {bone}")]


def _times(ratio: float, whom: str) -> str:
    if ratio > 2:
        return f"{ratio:.1f} times larger {whom}"
    return f"{round(100 * abs(ratio - 1))} % {'larger' if ratio > 1 else 'smaller'} {whom}"
