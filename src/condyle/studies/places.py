"""Where things lie in a study's folder; all relative to it, so that it can be moved."""

from __future__ import annotations

from condyle.studies.configurations import Configuration
from condyle.studies.study import Data


class Place(str):
    """A path relative to the study's folder. Other words of a command are plain strings."""

    __slots__ = ()


def dataset(name: str, data: Data) -> Place:
    """A dataset's folder: the user's own, or one of phantoms."""
    return Place(data.path or f"data/{name}")


def truth(name: str, data: Data, label_set: str) -> Place:
    """The folder of a label set, by the study's name of it."""
    return Place(f"{dataset(name, data)}/labels/{data.label_set(label_set)}")


def model(configuration: Configuration) -> Place:
    """A model's folder."""
    return Place(f"models/{configuration.id}")


def held_out(configuration: Configuration) -> Place:
    """Scores of the cases that a training held out, as `condyle train` writes them."""
    return Place(f"{model(configuration)}/validation/scores.csv")


def held_out_masks(configuration: Configuration) -> Place:
    """Masks of the cases that a training held out."""
    return Place(f"{model(configuration)}/validation")


def chosen(model_name: str) -> Place:
    """The recipe that was chosen for a model with `best_of`."""
    return Place(f"chosen/{model_name}.json")


def searched(model_name: str) -> Place:
    """Folder of the search for a model's settings."""
    return Place(f"search/{model_name}")


def masks(evaluation: str, configuration: Configuration) -> Place:
    """Folder of an evaluation's masks."""
    return Place(f"masks/{evaluation}/{configuration.id}")


def scores(evaluation: str, configuration: Configuration, against: str) -> Place:
    """Scores of an evaluation."""
    return Place(f"scores/{evaluation}/{configuration.id}.by-{against}.csv")


def comparison(question: str) -> Place:
    """Folder of a question's answer."""
    return Place(f"compare/{question}")
