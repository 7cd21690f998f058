"""What is handed out holds its models: they load from an installed wheel on a machine without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import models_made as made
from condyle.models import compact, save

ROOT = Path(__file__).resolve().parents[1]

#: Makes the wheel and the source archive of the folder it runs in, as `pip` would, with what is installed here.
BUILD = """
from setuptools import build_meta
print(build_meta.build_wheel("dist"), build_meta.build_sdist("dist"))
"""

#: Loads a model of the package in the folder told, all its weights, where no address can be reached.
LOAD = """
import socket, sys
sys.path.insert(0, sys.argv[1])
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1).close()
except OSError as error:
    print(type(error).__name__)
import condyle
assert condyle.__file__.startswith(sys.argv[1]), condyle.__file__
segmenter = condyle.load(sys.argv[2])
segmenter.make_ready()
print(len(segmenter.model.labels.names))
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """A wheel and a source archive of this tree, with one more model in it."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    save(compact(made.cascade(cleanup=())), folder / "src/condyle/models/shipped/toy")
    subprocess.run([sys.executable, "-c", BUILD], cwd=folder, check=True, capture_output=True, timeout=300)
    return folder / "dist"


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory) -> Path:
    """The wheel, unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.unpack_archive(next(dist.glob("*.whl")), folder, "zip")
    return folder


def files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def loaded_offline(installed: Path, name: str, home: Path) -> int:
    """The number of structures of a model that the installed package loads in a network of its own, which is empty."""
    if subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody have a network of their own")
    command = ["unshare", "-rn", sys.executable, "-c", LOAD, str(installed), name]
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    shown = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert shown.returncode == 0, shown.stderr
    refusal, structures = shown.stdout.split()
    assert refusal == "OSError"  # the network is unreachable
    return int(structures)


def test_models_travel_whole_in_wheel_and_source_archive(dist, installed):
    tree = dist.parent / "src/condyle/models/shipped"
    wanted = {name for name in files(tree) if "__pycache__" not in name}
    assert {"__init__.py", "toy/plan.json", "toy/fold_1.safetensors", "toy/before/fold_0.safetensors"} <= wanted
    assert files(installed / "condyle/models/shipped") == wanted
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("src/condyle/models/shipped/")[2] for name in archive.getnames()}
    assert wanted <= names


def test_a_model_of_an_installed_wheel_loads_without_a_network(installed, tmp_path):
    assert loaded_offline(installed, "toy", tmp_path) == 2


def test_bones_of_an_installed_wheel_loads_without_a_network(bones, installed, tmp_path):
    assert loaded_offline(installed, bones.name, tmp_path) == 13
