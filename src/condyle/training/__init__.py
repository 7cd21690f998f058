"""Training a network: `fit` reads from the first step to the last, the other files are its parts.

* **step**: the network sees one batch, and its weights move once.
* **epoch**: some steps; after it the network is validated and everything saved.
* **rate**: how far weights move in a step.
* **pseudo-Dice**: Dice of the validation patches; see `validate`.
* **state**: all that is needed to go on after an interruption; see `checkpoint`.
"""

from condyle.training.batches import Batch, Batches
from condyle.training.distributed import World, world
from condyle.training.fit import fit
from condyle.training.history import Epoch, History
from condyle.training.start import Taken, drawn, freeze, prefer_background, take_over
from condyle.training.stop import never, on_signals

__all__ = [
    "Batch",
    "Batches",
    "Epoch",
    "History",
    "Taken",
    "World",
    "drawn",
    "fit",
    "freeze",
    "never",
    "on_signals",
    "prefer_background",
    "take_over",
    "world",
]
