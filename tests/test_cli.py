"""The command line: one list of options, clean standard output, exit codes, and quick help."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pytest
import tifffile
import typer

import condyle
from condyle.cli.options import docstring_args, flag_of, gather, knobs_of, parse
from condyle.errors import ConfigError, DataError
from condyle.io import read_labels
from condyle.recipe import RECIPES, Recipe
from condyle.space import Volume
from datasets import small_dataset
from dicom_making import AFFINE
from test_dicom_geometry import tilted


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "condyle", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def scan(tmp_path_factory) -> Path:
    """A tube of bone in soft tissue, 24 x 20 x 16, as NIfTI."""
    radius = np.hypot(*(np.indices((24, 20)) - 9.5))
    slab = np.where(radius < 8, np.where(radius > 5, 900, 30), -1000)
    path = tmp_path_factory.mktemp("scan") / "tube.nii.gz"
    nib.save(nib.Nifti1Image(np.repeat(slab[..., None], 16, 2).astype(np.int16), np.diag([1, 1, 2, 1.0])), path)
    return path


@dataclass(frozen=True)
class Settings:
    """How.

    Args:
        level: A number or a rule.
        steps: How often.
    """

    level: float | Literal["otsu"] = 2.0
    steps: int | None = None


def a_verb(
    scans: Sequence[Path],
    out: Path,
    *,
    settings: Settings = Settings(),
    label_sets: Mapping[str, Path] | None = None,
    spacing: tuple[float, float, float] | None = None,
    track: object = None,
) -> None:
    """Do something.

    Args:
        scans: What to do it to,
            one or more.
        out: Where to.
        settings: How.
        label_sets: By name.
        spacing: In mm.
    """
    del scans, out, settings, label_sets, spacing, track


def test_settings_become_options_and_go_back_into_settings():
    knobs = knobs_of(a_verb)
    assert [k.name for k in knobs] == ["scans", "out", "level", "steps", "label_sets", "spacing"]
    assert [k.positional for k in knobs] == [True, True, False, False, False, False]
    assert knobs[0].help == "What to do it to, one or more."
    assert knobs[2].help == "A number or a rule."
    assert [flag_of(k) for k in knobs[2:]] == ["--level", "--steps", "--label-set", "--spacing"]
    values = {"scans": [Path("a")], "out": Path("b"), "level": "otsu", "steps": 3}
    values |= {"label_sets": ["x=/y"], "spacing": (1, 2, 3)}
    assert gather(knobs, a_verb, values) == {
        "scans": [Path("a")],
        "out": Path("b"),
        "settings": Settings("otsu", 3),
        "label_sets": {"x": Path("/y")},
        "spacing": (1, 2, 3),
    }


def learn(*, recipe: Recipe = RECIPES["default"]) -> None:
    """Learn.

    Args:
        recipe: Where to start from.
    """
    del recipe


def test_a_field_given_beside_a_named_set_replaces_that_one_alone():
    knobs = knobs_of(learn)
    assert [flag_of(k) for k in knobs[:3]] == ["--recipe", "--network", "--stage"]
    assert (knobs[0].help, knobs[0].default) == ("Where to start from.", "default")
    given = {k.name: k.default for k in knobs} | {"recipe": "limb-unet2d", "epochs": 7, "patch": "64,32", "freeze": []}
    assert gather(knobs, learn, given) == {"recipe": replace(RECIPES["limb-unet2d"], epochs=7, patch=(64, 32))}
    with pytest.raises(ConfigError, match="one of default, quick"):
        gather(knobs, learn, given | {"recipe": "best"})


@pytest.mark.parametrize(("name", "text"), [("level", "high"), ("label_sets", ["x"])])
def test_text_that_does_not_fit_names_its_option(name, text):
    knob = next(k for k in knobs_of(a_verb) if k.name == name)
    with pytest.raises(typer.BadParameter, match="expected"):
        parse(text, knob)


def test_a_docstring_without_arguments_has_none():
    assert docstring_args("Do it.\n\nReturns:\n    Nothing.") == {}


@pytest.mark.parametrize("verb", condyle.VERBS)
def test_every_option_of_every_verb_is_explained(verb):
    unexplained = [knob.name for knob in knobs_of(condyle.verb(verb)) if not knob.help]
    assert unexplained == []
    shown = run(verb, "--help")
    assert shown.returncode == 0
    assert "--json" in shown.stdout


def test_python_has_the_verbs_by_the_same_names():
    for name in condyle.VERBS:
        assert callable(getattr(condyle, "import_" if name == "import" else name))
    with pytest.raises(AttributeError):
        condyle.nothing  # noqa: B018


def test_help_and_version_import_nothing_heavy():
    code = (
        "import sys; sys.argv = ['condyle', '--help']\n"
        "from condyle.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({'numpy', 'scipy', 'vtk', 'SimpleITK'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.endswith("[]\n")
    assert run("--version").stdout.strip() == condyle.__version__


def test_json_is_all_there_is_on_standard_output(scan):
    shown = run("info", scan, "--json")
    assert json.loads(shown.stdout)["shape"] == [24, 20, 16]
    assert shown.returncode == 0


def test_info_tells_grid_and_values(scan):
    text = run("info", scan).stdout
    assert "24 x 20 x 16 voxels of 1 x 1 x 2 mm, RAS" in text
    assert "-1000" in text


def test_fill_writes_a_solid_mask_on_the_scans_grid(scan, tmp_path):
    out = tmp_path / "mask.nii.gz"
    shown = run("fill", scan, "-o", out, "--kernel-mm", 0)
    assert shown.returncode == 0, shown.stderr
    mask = nib.load(out)
    assert np.array_equal(mask.affine, nib.load(scan).affine)
    radius = np.hypot(*(np.indices((24, 20)) - 9.5))
    assert np.array_equal(mask.get_fdata()[..., 5] > 0, radius < 8)
    assert json.loads(run("info", out, "--json").stdout)["values"]["labels_ml"].keys() == {"1"}


def test_convert_turns_axes_and_changes_spacing(scan, tmp_path):
    out = tmp_path / "tube.nrrd"
    shown = run("convert", scan, out, "--orientation", "LPS", "--resample", 2, 2, 2, "--json")
    assert json.loads(shown.stdout) == {
        "out": str(out), "shape": [12, 10, 16], "spacing_mm": [2.0, 2.0, 2.0], "orientation": "LPS",
    }  # fmt: skip


def test_convert_labels_blends_nothing(scan, tmp_path):
    assert run("fill", scan, "-o", tmp_path / "m.nii.gz", "--kind", "shell").returncode == 0
    shown = run("convert", tmp_path / "m.nii.gz", tmp_path / "m.mha", "--labels", "--resample", 0.7, 0.7, 0.7)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(run("info", tmp_path / "m.mha", "--json").stdout)["values"]["labels_ml"].keys() == {"1"}


def test_convert_labels_reads_as_convert_does_without(tmp_path):
    mask = np.zeros((5, 6, 7), np.uint8)
    mask[1:3, 2:4, 3:] = 1
    mask[3:, 2:4, 3:] = 5
    tifffile.imwrite(tmp_path / "m.tif", mask.T.copy(), photometric="minisblack")
    condyle.convert(tmp_path / "m.tif", tmp_path / "m.nii", labels=True, spacing=(0.5, 0.6, 0.7))
    assert np.array_equal(read_labels(tmp_path / "m.nii").array, mask)
    tilted(tmp_path / "s", 12.5, Volume.of(mask.astype(np.int16), AFFINE))
    with pytest.raises(DataError, match="one series that fits 'Fat'"):
        condyle.convert(tmp_path / "s", tmp_path / "d.nii", labels=True, series="Fat", fix_tilt=True)
    condyle.convert(tmp_path / "s", tmp_path / "d.nii", labels=True, series="Thin", fix_tilt=True)
    straight = read_labels(tmp_path / "d.nii").array
    # Slices are moved, not blended: between 1 and 5 nothing is new.
    assert np.array_equal(np.bincount(straight.ravel())[1:], np.bincount(mask.ravel())[1:])


def test_convert_refuses_a_result_that_memory_cannot_hold(scan, tmp_path):
    for spacing in ((0.001, 0.001, 0.001), (5e-324, 1e300, 1.0)):
        with pytest.raises(ConfigError, match="GiB"):
            condyle.convert(scan, tmp_path / "x.nii", resample=spacing)
    assert list(tmp_path.iterdir()) == []


def test_info_counts_values_that_are_not_finite_and_tells_the_rest(tmp_path):
    values = np.full((6, 5, 4), 2, np.float32)
    values[0, 0, :3], values[1, 1, 1] = (np.nan, np.inf, -np.inf), 7
    nib.save(nib.Nifti1Image(values, np.diag([1, 2, 3, 1])), tmp_path / "x.nii")
    shown = run("info", tmp_path / "x.nii", "--json")
    told = json.loads(shown.stdout)
    assert shown.returncode == 1
    assert told["affine"] == np.diag([1, 2, 3, 1]).tolist()
    assert (told["values"]["not_finite"], told["values"]["min"], told["values"]["max"]) == (3, 2, 7)
    assert "not_finite      3" in run("info", tmp_path / "x.nii").stdout
    nib.save(nib.Nifti1Image(values * np.nan, np.eye(4)), tmp_path / "y.nii")
    assert condyle.info(tmp_path / "y.nii").values == {"type": "float32", "not_finite": 120}


def test_info_and_picture_straighten_a_tilted_series(tmp_path):
    tilted(tmp_path / "s", 12.5, Volume.of(np.arange(210).reshape(5, 6, 7).astype(np.int16), AFFINE))
    assert condyle.info(tmp_path / "s").grid is None
    straight = condyle.info(tmp_path / "s", fix_tilt=True).grid
    assert straight is not None
    assert not straight.is_sheared
    by_name = condyle.info(tmp_path / "s", series="Thin", fix_tilt=True).grid
    assert by_name is not None
    assert by_name.matches(straight)
    with pytest.raises(DataError, match="--fix-tilt"):
        condyle.picture(tmp_path / "s", tmp_path / "p.png")
    condyle.convert(tmp_path / "s", tmp_path / "m.nii", labels=True, fix_tilt=True)
    condyle.picture(tmp_path / "s", tmp_path / "p.png", mask=tmp_path / "m.nii", fix_tilt=True)
    assert (tmp_path / "p.png").is_file()


def test_picture_reads_stacks_that_do_not_tell_their_spacing(tmp_path):
    stack = (np.arange(210).reshape(7, 6, 5) % 3).astype(np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack")
    with pytest.raises(DataError, match="--spacing"):
        condyle.picture(tmp_path / "s.tif", tmp_path / "p.png")
    condyle.picture(tmp_path / "s.tif", tmp_path / "p.png", mask=tmp_path / "s.tif", spacing=(1, 2, 3))
    condyle.convert(tmp_path / "s.tif", tmp_path / "s.nii", spacing=(1, 2, 3))
    condyle.picture(tmp_path / "s.nii", tmp_path / "q.png", mask=tmp_path / "s.tif", spacing=(1, 2, 3))
    assert (tmp_path / "q.png").read_bytes() != b""
    with pytest.raises(ConfigError, match="spacing"):
        condyle.picture(tmp_path / "s.nii", tmp_path / "r.png", spacing=(1, 2, 3))


def test_a_name_that_standard_output_cannot_encode_is_told(scan, tmp_path):
    odd = os.fsencode(tmp_path) + b"/J\xfcrgen.nii.gz"
    shutil.copyfile(scan, odd)
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict", "PYTHONUTF8": "1"}
    for words in ([], ["--json"]):
        command = [sys.executable, "-m", "condyle", "info", odd, *words]
        shown = subprocess.run(command, capture_output=True, check=False, env=strict)
        assert shown.returncode == 0, shown.stderr
        assert rb"J\udcfcrgen" in shown.stdout
    assert json.loads(shown.stdout)["path"] == os.fsdecode(odd)
    plain = tmp_path / "Jürgen 😀.nii.gz"
    shutil.copyfile(scan, plain)
    command = [sys.executable, "-m", "condyle", "info", plain, "--json"]
    shown = subprocess.run(command, capture_output=True, check=True, env=strict | {"PYTHONIOENCODING": "ascii"})
    assert json.loads(shown.stdout)["path"] == str(plain)


def test_a_training_starts_from_no_model_that_it_would_remove_and_writes_where_one_can_look(tmp_path):
    small_dataset(tmp_path / "data", ("a",))
    made = tmp_path / "made"
    (made / "before").mkdir(parents=True)
    for start in (made, made / "before"):
        with pytest.raises(ConfigError, match="another model than the one to be made"):
            condyle.train(tmp_path / "data", out=made, start=start, fold="all", overwrite=True)
    with pytest.raises(DataError, match="name too long"):
        condyle.train(tmp_path / "data", out=tmp_path / ("x" * 300), fold="all")


def test_picture_draws_scan_and_mask(scan, tmp_path):
    run("fill", scan, "-o", tmp_path / "m.nii.gz")
    out = tmp_path / "p.png"
    shown = run("picture", scan, out, "--mask", tmp_path / "m.nii.gz")
    assert shown.returncode == 0, shown.stderr
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["info", "nowhere.nii"], "nothing of that name"),
        (["info", "x" * 300], "name too long"),
        (["convert", "SCAN", "x" * 300 + ".nii"], "name too long"),
        (["fill", "SCAN"], "-o"),
        (["fill", "SCAN", "-o", "SCAN"], "--overwrite"),
        (["fill", "SCAN", "-o", "x.nii.gz", "--threshold", "5000"], "none above 900"),
        (["fill", "SCAN", "-o", "x.nii.gz", "--valid", "9"], "1 to 7"),
        (["fill", "SCAN", "-o", "x.jpg"], "x.jpg"),
        (["convert", "SCAN", "x.nii", "--orientation", "XYZ"], "RAS or LPS"),
        (["convert", "SCAN", "x.nii", "--resample", "0", "1", "1"], "above 0"),
        (["convert", "SCAN", "x.nii", "--resample", "nan", "nan", "nan"], "above 0"),
        (["convert", "SCAN", "x.nii", "--resample", "inf", "1", "1"], "above 0"),
        (["convert", "SCAN", "x.nii", "--labels"], "label map"),
        (["picture", "SCAN", "x.png", "--mask", "OTHER"], "grid"),
        (["check", "."], "dataset"),
        (["nonsense"], "nonsense"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(arguments, says, scan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((4, 4, 4), np.uint8), np.eye(4)), other)
    before = sorted(tmp_path.iterdir())
    shown = run(*({"SCAN": scan, "OTHER": other}.get(a, a) for a in arguments))
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert says in shown.stderr
    assert "Traceback" not in shown.stderr
    assert sorted(tmp_path.iterdir()) == before
