"""A call of a verb, written as a command and read again, is the same call."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

import condyle
from condyle.classical.fill import FillSettings
from condyle.cli.options import gather, knobs_of, parameter_of
from condyle.jobs.settings import JobSettings
from condyle.meshes.bodies import MeshSettings
from condyle.metrics.compare import MetricSettings
from condyle.workflow.segmentation.predict_settings import PredictSettings
from condyle.workflow.shared.command import command_of

CALLS = [
    ("fill", {"scan": Path("a b.nii"), "out": Path("o.nii"), "settings": FillSettings(threshold=-200.0, kind="shell")}),
    ("fill", {"scan": Path("a.tif"), "spacing": (0.5, 0.5, -2.0), "settings": FillSettings(threshold="otsu")}),
    ("fill", {"scan": Path("s3:/bucket/a.nii"), "overwrite": True, "jobs": JobSettings("local", workers=3)}),
    ("mesh", {"mask": Path("-odd.nii"), "formats": ["stl", "3mf"], "names": {"femur": 1, "tibia": 2}}),
    ("mesh", {"mask": Path("m.nii"), "bed": (1.0, 2.0, 3.0), "wall": 0.7, "scenes": [], "settings": MeshSettings()}),
    ("evaluate", {"prediction": Path("p"), "reference": Path("r"), "remap": {5: 1}, "structures": ["femur"]}),
    ("evaluate", {"prediction": Path("p"), "label_sets": ("a", "b"), "settings": MetricSettings()}),
    ("segment", {"model": Path("m"), "scans": [Path("a"), Path("b")], "region": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)}),
    ("segment", {"model": Path("m"), "scans": [Path("a")], "settings": PredictSettings(folds=("0", "1"), step=0.25)}),
    ("import", {"sources": [Path("x")], "out": Path("o")}),
]


def read(verb: str, words: tuple[str, ...]) -> dict:
    """What the command line makes of words."""
    function, got = condyle.verb(verb), {}
    knobs = knobs_of(function)

    def run(**values: object) -> None:
        got.update(gather(knobs, function, values))

    parameters = [parameter_of(knob) for knob in knobs]
    run.__signature__ = __import__("inspect").Signature(parameters)
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    app = typer.Typer()
    app.command()(run)
    app(list(words), standalone_mode=False)
    return got


@pytest.mark.parametrize(("verb", "values"), CALLS, ids=[f"{verb}{n}" for n, (verb, _) in enumerate(CALLS)])
def test_a_call_written_as_a_command_and_read_again_is_the_same_call(verb, values):
    function = condyle.verb(verb)
    name, *words = command_of(function, **values)
    assert name == verb
    got = read(verb, tuple(words))
    assert {key: _plain(got[key]) for key in values} == {key: _plain(value) for key, value in values.items()}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def test_a_command_names_only_what_differs_from_the_defaults():
    assert command_of(condyle.fill, scan=Path("a.nii"), out=None, settings=FillSettings(), value=1) == (
        "fill", "--", "a.nii",
    )  # fmt: skip
    words = command_of(condyle.fill, scan=Path("file:/data/a.nii"), settings=FillSettings(valid=6))
    assert words == ("fill", "--valid", "6", "--", "file:///data/a.nii")
