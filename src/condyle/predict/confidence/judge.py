"""From evidence to a number and a light: logistic regression, its weights and limits stored with a model.

Each feature is 0 or less: 0 where nothing is wrong, or cannot be judged. A weight is never below 0, so that nothing odd
ever helps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from condyle.config import from_json, to_json
from condyle.errors import ConfigError, ModelError
from condyle.labels import without_side
from condyle.predict.confidence.evidence import Evidence
from condyle.predict.confidence.looks import LOOKS, known
from condyle.predict.confidence.population import Usual
from condyle.predict.confidence.words import reasons

Light = Literal["green", "yellow", "red"]

#: Distances from what is usual are counted up to here.
_FARTHEST = 8.0
#: A logit is taken of no Dice above this: looks that agree fully are no miracle on coarse voxels.
_CLOSEST = 0.99
_SMALLEST_SHARE = 0.003


def features(evidence: Evidence) -> dict[str, float]:
    """The numbers that are weighed, each 0 or less.

    * agreement: logit of the mean Dice with changed looks, beside that of .99; `weakest`: of the lowest one.
    * islands: root of the share.
    * piece: logarithm of the share of a usual bone, where the bone is cut.
    * size, shape: distance from what is usual, where the bone is whole; of size the larger one, by itself or beside the
      other bones.
    * side: -1 where it is wrong.
    """
    agreement = evidence.agreement
    share = np.clip(evidence.share or 1.0, _SMALLEST_SHARE, 1.0)
    return {
        "agreement": _below(float(np.mean(agreement))) if agreement else 0.0,
        "weakest": _below(min(agreement)) if agreement else 0.0,
        "islands": -float(np.sqrt(evidence.islands)),
        "cut": -float(evidence.cut),
        "piece": float(np.log(share)) if evidence.cut else 0.0,
        "size": -min(max(abs(evidence.size_z or 0.0), abs(evidence.beside_z or 0.0)), _FARTHEST),
        "shape": -min(evidence.shape_z or 0.0, _FARTHEST),
        "side": -float(evidence.wrong_side),
    }


FEATURES = tuple(features(Evidence(())))


@dataclass(frozen=True)
class Judge:
    """All of `confidence.json`.

    Args:
        dice: A structure is right if its Dice is at least this.
        green: The light from this number on.
        yellow: Likewise; below it is red.
        looks: Changed looks to ask about, names as of `looks.looked`.
        intercept: Of the regression.
        weights: Feature to weight, 0 or more; what is not named weighs nothing.
        offsets: Bone, without its side, to what is added for it.
        population: Bone, without its side, to what is usual.
        scattered: Structures of many parts by nature.
        record: How it was calibrated, for people.
    """

    dice: float
    green: float
    yellow: float
    looks: tuple[str, ...]
    intercept: float
    weights: Mapping[str, float]
    offsets: Mapping[str, float] = field(default_factory=dict)
    population: Mapping[str, Usual] = field(default_factory=dict)
    scattered: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.yellow <= self.green <= 1 or not 0 < self.dice < 1:
            got = f"dice {self.dice}, yellow {self.yellow}, green {self.green}"
            raise ConfigError("judge", expected="a Dice within 0 and 1, and 0 <= yellow <= green <= 1", got=got)
        unknown = [look for look in self.looks if not known(look)]
        if unknown:
            raise ConfigError(
                "judge: looks", expected=f"of {', '.join(LOOKS)}, or some joined by +", got=", ".join(unknown)
            )
        wrong = [name for name, weight in self.weights.items() if name not in FEATURES or not 0 <= weight < np.inf]
        if wrong:
            expected = f"weights of 0 or more of {', '.join(FEATURES)}"
            raise ConfigError("judge: weights", expected=expected, got=", ".join(wrong))

    def number(self, name: str, evidence: Evidence) -> float:
        """The probability that a structure is right.

        Args:
            name: The structure's.
            evidence: On it.
        """
        found = features(evidence)
        score = self.intercept + self.offsets.get(without_side(name), 0.0)
        score += sum(weight * found[feature] for feature, weight in self.weights.items())
        return float(1 / (1 + np.exp(-np.clip(score, -40, 40))))

    def light(self, number: float) -> Light:
        """The light of a number."""
        return "green" if number >= self.green else "yellow" if number >= self.yellow else "red"


@dataclass(frozen=True)
class Confidence:
    """How far a structure may be trusted: what is written beside a mask.

    Args:
        number: Probability that it is right, 0 to 1.
        light: Green, yellow or red.
        reasons: Why, in plain words.
        agreement: Changed look to Dice with it.
        dice: It is right if its Dice is at least this.
    """

    number: float
    light: Light
    reasons: tuple[str, ...]
    agreement: Mapping[str, float]
    dice: float

    def __str__(self) -> str:
        return f"{self.light} {self.number:.2f}"


def judged(evidence: Mapping[str, Evidence], judge: Judge) -> dict[str, Confidence]:
    """The confidence in each structure."""
    out = {}
    for name, found in evidence.items():
        number = judge.number(name, found)
        agreement = {look: round(dice, 4) for look, dice in zip(judge.looks, found.agreement, strict=True)}
        out[name] = Confidence(round(number, 4), judge.light(number), reasons(name, found), agreement, judge.dice)
    return out


def judge_to_json(judge: Judge) -> dict[str, Any]:
    """Plain data of a judge."""
    return dict(to_json(judge))


def judge_from_json(data: Mapping[str, Any], where: str) -> Judge:
    """The inverse of `judge_to_json`.

    Args:
        data: Plain data.
        where: The file, for errors.

    Raises:
        ModelError: on unknown or missing keys, or values that make no sense.
    """
    try:
        return from_json(Judge, data, where)
    except ConfigError as error:
        told = error.where if where in error.where else f"{where}: {error.where}"
        raise ModelError(told, expected=error.expected, got=error.got, hint="Calibrate the model anew.") from error


def _below(dice: float) -> float:
    """How far the logit of a Dice lies below that of `_CLOSEST`; 0 above it."""
    kept = np.clip(dice, 0.01, _CLOSEST)
    return float(np.log(kept / (1 - kept)) - np.log(_CLOSEST / (1 - _CLOSEST)))
