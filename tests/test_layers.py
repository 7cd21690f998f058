"""The house: a file imports only from floors below its own, or from peers in its own folder, and never in a circle."""

from __future__ import annotations

import ast
import importlib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import condyle

ROOT = Path(condyle.__file__).parent

#: From the ground up. Names are files or folders of the package.
FLOORS = [
    {"errors", "machine", "progress"},
    {"space", "labels", "config"},
    {"recipe"},
    {"io", "classical", "meshes", "nets", "prepare", "losses", "augment"},
    {"data", "jobs", "phantoms", "metrics"},
    {"models", "reports", "planning", "studies"},
    {"predict", "training"},
    {"workflow"},
    {"app"},
    {"cli", "__init__"},
    {"__main__"},
]

#: Programs that are no part of the package.
BESIDE = [path for folder in ("bench", "pretrain") for path in (ROOT.parents[1] / folder).glob("*.py")]


def modules() -> dict[str, Path]:
    return {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in ROOT.rglob("*.py")}


def place(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def floor(module: str) -> int:
    return next(n for n, names in enumerate(FLOORS) if place(module) in names)


def imports(path: Path, known: set[str]) -> set[str]:
    """Modules of the package that a file imports, at its top or inside functions, types aside."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or id(node) in skipped or not (node.module or "").startswith("condyle"):
            continue
        base = (node.module or "").removeprefix("condyle").lstrip(".")
        for name in node.names:
            whole = f"{base}.{name.name}".lstrip(".")
            candidates = (whole, f"{whole}.__init__", base, f"{base}.__init__")
            found.add(next(c for c in candidates if c in known))
    return found


def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: imports(path, set(known)) for name, path in known.items()}


def test_every_module_has_its_floor():
    homeless = [m for m in modules() if not any(place(m) in names for names in FLOORS)]
    assert homeless == []


def test_imports_point_down_or_to_peers_in_the_same_folder():
    wrong = [
        f"{module} imports {target}"
        for module, targets in graph().items()
        for target in targets
        if place(module) != place(target) and floor(target) >= floor(module)
    ]
    assert wrong == []


def test_there_are_no_circles():
    # Raises CycleError, which names the circle. A package's __init__ gathers its files and is not imported by them.
    tuple(TopologicalSorter(graph()).static_order())


def test_no_part_has_the_name_of_a_verb():
    """`condyle.mesh` is the verb; a folder `mesh` would take its place as soon as anything in it is imported."""
    assert {place(module) for module in modules()} & set(condyle.VERBS) == set()


@pytest.mark.parametrize("path", sorted(BESIDE), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_stands_beside_the_package_finds_what_it_imports(path):
    """Benchmarks run for hours and seldom, with peers that are not installed here: their first line must not fail."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "condyle":
            module = importlib.import_module(node.module or "")
            for name in node.names:
                assert hasattr(module, name.name) or importlib.import_module(f"{node.module}.{name.name}")
