"""Condyle: from a scan to bone masks, numbers and meshes one can defend.

The verbs of the command line are functions of the same names here (`import_` for `import`):

    >>> from pathlib import Path
    >>> import condyle
    >>> condyle.info(Path("scan.nii.gz"))  # doctest: +SKIP

Each lives in `condyle.workflow` (`serve` in `condyle.app`), in the file of its name, and is loaded when first used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from condyle.app.serve import serve as serve
    from condyle.workflow.check import check as check
    from condyle.workflow.choose import choose as choose
    from condyle.workflow.clean import clean as clean
    from condyle.workflow.compare import compare as compare
    from condyle.workflow.convert import convert as convert
    from condyle.workflow.evaluate import evaluate as evaluate
    from condyle.workflow.export import export as export
    from condyle.workflow.fill import fill as fill
    from condyle.workflow.folds import folds as folds
    from condyle.workflow.import_ import import_ as import_
    from condyle.workflow.info import info as info
    from condyle.workflow.mesh import mesh as mesh
    from condyle.workflow.model import model as model
    from condyle.workflow.phantom import phantom as phantom
    from condyle.workflow.picture import picture as picture
    from condyle.workflow.plan import plan as plan
    from condyle.workflow.report import report as report
    from condyle.workflow.search import search as search
    from condyle.workflow.segment import segment as segment
    from condyle.workflow.segmentation.segmenter import load as load
    from condyle.workflow.study import study as study
    from condyle.workflow.train import train as train
    from condyle.workflow.work import work as work

__version__ = "0.1.0"

#: Each verb in one line, in the order of work. The rest of its help is the docstring of its function.
VERBS = {
    "info": "Show the grid and the values of a scan, or the series of a DICOM folder.",
    "convert": "Write a scan or a label map in another format, or on another grid.",
    "picture": "Draw a scan in three planes, with its mask outlined.",
    "fill": "Mask bone without training, in a scan or in every case of a dataset.",
    "segment": "Segment scans with a trained model, also one of nnU-Net v2.",
    "clean": "Clean label maps: largest parts, small parts, gaps, holes, in mm.",
    "model": "Look at trained models, install them, or write them for other programs.",
    "evaluate": "Score masks against a reference: surfaces in mm, overlap, volume, what was missed.",
    "report": "Write one page with the scores of masks and the pictures behind them.",
    "compare": "Compare models or label sets on the same cases: paired tests, ranks, where they disagree.",
    "mesh": "Make a sound surface of each structure of a mask, and check it.",
    "import": "Make a dataset of scans and masks, or add to one.",
    "check": "Find every fault of a dataset in one pass.",
    "folds": "Part a dataset's patients into folds, once.",
    "plan": "Show what would be trained on a dataset, and why.",
    "train": "Train a model on a dataset, and test it on cases held out.",
    "choose": "Choose the best of trained models by the cases they held out, to train it again.",
    "search": "Search for good settings of a training, by short trainings.",
    "study": "Run an experiment out of a small file: trainings, tests, comparisons, a report.",
    "export": "Write a dataset as another tool wants it.",
    "phantom": "Make scans of bones and organs whose truth is known.",
    "serve": "Open the app in the browser: scans, masks, corrections, training, meshes.",
    "work": "Work off a manifest of tasks, as one worker among many, also on another machine.",
}

#: Verbs that stand above the workflow, and where.
_FLOOR = {"serve": "app"}

#: The same verbs as functions; `import` is a word of the language.
_FUNCTIONS = {f"{name}_" if name == "import" else name: name for name in VERBS}

__all__ = ["VERBS", "__version__", "load", "verb", *_FUNCTIONS]  # noqa: PLE0604


def verb(name: str) -> Callable[..., Any]:
    """The function behind a verb of the command line."""
    function = "import_" if name == "import" else name
    return getattr(import_module(f"condyle.{_FLOOR.get(name, 'workflow')}.{function}"), function)


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return verb(_FUNCTIONS[name])
    if name == "load":
        return import_module("condyle.workflow.segmentation.segmenter").load
    raise AttributeError(f"module 'condyle' has no attribute {name!r}")
