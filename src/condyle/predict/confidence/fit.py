"""Calibrating a judge on structures whose truth is known.

The regression is fitted by the most probable weights: a Gaussian prior says beforehand which way each feature works,
so that what is too rare in the pictures to learn from (a swapped side) still counts; weights stay 0 or more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import DataError
from condyle.labels import without_side
from condyle.predict.confidence.evidence import Evidence
from condyle.predict.confidence.judge import FEATURES, Judge, features
from condyle.predict.confidence.looks import USUAL_LOOKS
from condyle.predict.confidence.population import Usual

Vector = NDArray[np.float64]

#: What each feature weighs before any picture is seen, and how sure that is (deviation).
PRIOR: Mapping[str, tuple[float, float]] = {
    "agreement": (1.0, 2.0), "weakest": (0.3, 1.0), "islands": (4.0, 4.0), "cut": (0.0, 1.0), "piece": (0.3, 1.0),
    "size": (0.2, 0.5), "shape": (0.2, 0.5), "side": (6.0, 1.0),
}  # fmt: skip
_INTERCEPT = (4.0, 10.0)
#: Bones differ in how hard they are, but not by much.
_OFFSET = (0.0, 0.7)

#: Green may be wrong this often; yellow is right more often than not.
MAY_BE_WRONG, YELLOW = 0.05, 0.5


@dataclass(frozen=True)
class Known:
    """A structure of an answer whose truth is known.

    Args:
        name: The structure's.
        evidence: On it.
        dice: Its true Dice.
    """

    name: str
    evidence: Evidence
    dice: float


def unfitted(population: Mapping[str, Usual], scattered: Sequence[str] = (), *, dice: float = 0.85) -> Judge:
    """What is believed before any picture is seen."""
    weights = {name: mean for name, (mean, _) in PRIOR.items()}
    return Judge(dice, 0.9, YELLOW, USUAL_LOOKS, _INTERCEPT[0], weights, {}, population, tuple(scattered))


def fitted(known: Sequence[Known], start: Judge, record: Mapping[str, Any] | None = None) -> Judge:
    """A judge whose numbers are probabilities on structures like these.

    Args:
        known: Structures that were found, with their true Dice.
        start: Threshold, looks and population.
        record: What to note with it.

    Raises:
        DataError: if no structure is right, or none is wrong: then there is nothing to learn.
    """
    right = np.array([one.dice >= start.dice for one in known], bool)
    if not right.any() or right.all():
        got = f"{int(right.sum())} of {len(right)} right"
        hint = "Draw more pictures, or choose another Dice."
        raise DataError("calibration", expected="structures that are right and some that are wrong", got=got, hint=hint)
    bones = sorted({without_side(one.name) for one in known})
    rows = np.array([_row(one, bones) for one in known])
    priors = np.array([*PRIOR.values(), *[_OFFSET] * len(bones), _INTERCEPT])
    values = most_probable(rows, right, priors[:, 0], priors[:, 1], least=[0.0] * len(FEATURES))
    made = replace(
        start,
        intercept=float(values[-1]),
        weights=dict(zip(FEATURES, values[: len(FEATURES)].tolist(), strict=True)),
        offsets=dict(zip(bones, values[len(FEATURES) : -1].tolist(), strict=True)),
        record=record or {},
    )
    numbers = np.array([made.number(one.name, one.evidence) for one in known])
    return replace(made, green=max(made.yellow, green_limit(numbers, right)))


def most_probable(rows: Vector, right: NDArray[np.bool_], means: Vector, deviations: Vector, least: Any) -> Vector:
    """Weights of a logistic regression under a Gaussian prior.

    Args:
        rows: (n, k) features.
        right: (n,) outcomes.
        means: (k,) of the prior.
        deviations: (k,) of the prior.
        least: Lower bounds of the first so many weights; the others have none.
    """
    from scipy.optimize import minimize

    def cost(values: Vector) -> tuple[float, Vector]:
        score = rows @ values
        off = (values - means) / deviations
        p = 1 / (1 + np.exp(-np.clip(score, -40, 40)))
        loss = float(np.logaddexp(0, np.where(right, -score, score)).sum() + 0.5 * (off**2).sum())
        return loss, rows.T @ (p - right) + off / deviations

    bounds = [(low, None) for low in least] + [(None, None)] * (len(means) - len(least))
    found = minimize(cost, means, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000})
    return np.asarray(found.x, np.float64)


def green_limit(numbers: Vector, right: NDArray[np.bool_], may_be_wrong: float = MAY_BE_WRONG) -> float:
    """The lowest number from which on so few structures are wrong, one more than counted included.

    Args:
        numbers: (n,) of structures.
        right: (n,) whether each is.
        may_be_wrong: Share.

    Returns:
        1 where no limit keeps it.
    """
    order = np.argsort(-numbers, kind="stable")
    wrong = np.cumsum(~right[order])
    share = (wrong + 1) / (np.arange(len(order)) + 2)
    # Equal numbers get one light.
    last = np.append(np.diff(numbers[order]) != 0, True)
    good = np.flatnonzero((share <= may_be_wrong) & last)
    return float(numbers[order[good[-1]]]) if len(good) else 1.0


def _row(one: Known, bones: Sequence[str]) -> list[float]:
    own = without_side(one.name)
    found = features(one.evidence)
    return [*(found[name] for name in FEATURES), *(float(own == bone) for bone in bones), 1.0]
