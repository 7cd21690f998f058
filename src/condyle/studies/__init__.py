"""A study: a small file that becomes a list of plain `condyle` commands; pure, until somebody runs them."""

from condyle.studies.expand import expand
from condyle.studies.read import read_study
from condyle.studies.step import Step
from condyle.studies.study import Study

__all__ = ["Step", "Study", "expand", "read_study"]
