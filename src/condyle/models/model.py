"""A trained model: all that is needed to segment a scan, and where it came from.

* **fold**: one of several networks of a model, each trained on another part of the data: `0`, `1`, ... or `all`.
* **state**: a network's weights by name.
* **cascade**: a model of two stages; the second sees, beside the scan, what the first found in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from condyle.config import Plan
from condyle.errors import ConfigError, ModelError
from condyle.labels import Labels

if TYPE_CHECKING:
    from torch import Tensor

    State = dict[str, Tensor]


@dataclass(frozen=True)
class Model:
    """A plan, its labels and its weights.

    Args:
        plan: How a scan becomes the network's input, and the network.
        labels: What comes out.
        weights: Fold to a function that reads its state. Nothing is read before it is asked for.
        cleanup: Steps on the label map that follow prediction, as plain data.
        record: How the model came to be, as plain data.
        card: What a user should know of it, in Markdown.
        held: What must live as long as the model: the unpacked folder of a zip.
        before: The stage that is run first, for a plan with a `cascade`: the same scans and labels, a plan of its own.
        recipe: How it was trained, as plain data.
        confidence: How its answers are judged, as plain data (`predict.confidence.judge`); empty where nobody knows.

    Raises:
        ModelError: if there is no fold, or labels, outputs of the network and the stage before do not fit.
    """

    plan: Plan
    labels: Labels
    weights: Mapping[str, Callable[[], State]]
    cleanup: tuple[Any, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""
    held: object = field(default=None, repr=False, compare=False)
    before: Model | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    confidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.weights:
            raise ModelError("model", expected="the weights of one fold or more", got="none")
        outputs = len(self.plan.regions) or 1 + len(self.labels.structures)
        if outputs != self.plan.net.out_channels:
            what = "regions" if self.plan.regions else "background and structures"
            got = f"{outputs} {what} ({', '.join(self.labels.names)})"
            raise ModelError("model: labels", expected=f"one for each of {self.plan.net.out_channels} outputs", got=got)
        unknown = {i for r in self.plan.regions for i in (*r.ids, r.paint)} - set(self.labels.ids)
        if unknown:
            raise ModelError("model: regions", expected=f"ids among {self.labels.ids}", got=str(sorted(unknown)))
        if self.before is not None or self.plan.cascade:
            self._check_stages(self.before)

    def _check_stages(self, before: Model | None) -> None:
        if before is None or not self.plan.cascade:
            got = "none" if before is None else "one whose findings this stage does not look at"
            raise ModelError("model: stage before", expected="one, for a plan with a cascade", got=got)
        if before.before is not None:
            raise ModelError("model: stage before", expected="one that sees the scan alone", got="a cascade")
        if before.labels.ids != self.labels.ids or not set(self.plan.cascade) <= set(before.labels.ids):
            got = f"{before.labels.ids}, of which {self.plan.cascade} are looked at"
            raise ModelError("model: stage before", expected=f"the labels {self.labels.ids}", got=got)
        ours, first = ([c.name for c in plan.channels] for plan in (self.plan, before.plan))
        if ours != first:
            expected = f"the channels {', '.join(ours)}"
            raise ModelError("model: stage before", expected=expected, got=", ".join(first))

    @property
    def folds(self) -> tuple[str, ...]:
        return tuple(self.weights)

    def state(self, fold: str) -> State:
        """The weights of a fold, by the names of `condyle.nets`.

        Raises:
            ConfigError: if there is no such fold.
            ModelError: if the file is broken, or holds another network's weights.
        """
        if fold not in self.weights:
            raise ConfigError("fold", expected=f"one of {', '.join(self.folds)}", got=fold)
        return self.weights[fold]()
