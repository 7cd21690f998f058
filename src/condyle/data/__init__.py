"""A dataset: a folder of cases with groups, label sets and a stored split. See `dataset` for the words."""

from condyle.data.case import Case
from condyle.data.dataset import Dataset
from condyle.data.folds import Folds, make_folds
from condyle.data.load import load_image, load_labels
from condyle.data.split import Split, split

__all__ = ["Case", "Dataset", "Folds", "Split", "load_image", "load_labels", "make_folds", "split"]
