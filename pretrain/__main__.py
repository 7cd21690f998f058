"""`python -m pretrain`: the model `bones`, from bone surfaces to the package."""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import replace
from pathlib import Path

import condyle
from condyle.data.dataset import FILE
from condyle.recipe import RECIPES
from pretrain.real import SCANS
from pretrain.scripts import told
from pretrain.ship import real_from_json, ship

#: Bodies that are held out, for calibration and tests: another seed than those that are learned from.
HELD_OUT, HELD_OUT_SEED = 24, 2


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pretrain", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("pretraining"), help="where everything lies until it ships")
    parser.add_argument("--minutes", type=float, default=60, help="for each of two stages")
    parser.add_argument("--bodies", type=int, default=100, help="bodies to sample")
    parser.add_argument("--shapes", type=Path, default=Path("../shared/data/shapes"), help="folder of bone surfaces")
    parser.add_argument("--real", type=Path, default=Path("../shared/data"), help="folder of real scans to test on")
    parser.add_argument("--start", type=Path, help="go on from this model, e.g. bones; not from nothing")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--machine", default="two cores", help="what the card calls it")
    asked = parser.parse_args()

    bodies, held_out, model = (asked.folder / name for name in ("bodies", "held_out", "bones"))
    sample(bodies, asked.bodies, 1, asked.shapes)
    sample(held_out, HELD_OUT, HELD_OUT_SEED, asked.shapes)
    recipe = replace(RECIPES["synthetic"], minutes=asked.minutes)
    commit = with_commit(asked.folder / "commits.txt")
    print(condyle.train(bodies, out=model, recipe=recipe, fold="all", start=asked.start, device=asked.device))
    print(told("tidy", model, held_out))
    table = told("calibrate", model, held_out, "--population", bodies)
    (asked.folder / "held_out.md").write_text(table, encoding="utf-8")
    if any((asked.real / scan).exists() for scan in SCANS):
        print(told("real", model, asked.real, asked.folder / "real"))
        scans = real_from_json(asked.folder / "real" / "real.json")
    else:
        scans = []
    ship(model, table, scans, device=asked.machine, commit=commit)


def sample(folder: Path, count: int, seed: int, shapes: Path) -> None:
    """Sample bodies; those that are there are kept."""
    if len(list(folder.glob("maps/*/map.json"))) < count or not (folder / FILE).is_file():
        print(condyle.phantom("synthetic", folder, count=count, seed=seed, shapes=shapes))


def with_commit(file: Path) -> str:
    """The commits that have trained, this one among them."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    there = file.read_text(encoding="utf-8").split() if file.exists() else []
    commits = [*there, asked.stdout.strip()] if asked.stdout.strip() not in there else there
    file.write_text("\n".join(commits) + "\n", encoding="utf-8")
    return ", ".join(commits)


if __name__ == "__main__":
    main()
