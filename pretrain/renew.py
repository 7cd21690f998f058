"""Lights and tables of the model that ships, anew: its weights and its cleanup stay as they are.

    python -m pretrain.renew BANK --population TRAINED_ON [--pictures 200]

For when drawn pictures, or what is told of them, have changed since it was trained. Arguments as `pretrain.calibrate`.
"""

from __future__ import annotations

import argparse
import re
import shutil
from dataclasses import replace
from pathlib import Path

from condyle import models
from condyle.models.shipped import DEFAULT, FOLDER
from pretrain.scripts import told

_TABLES = re.compile(r"(?<=### Drawn scans of bodies it never saw\n\n).*?(?=\n### Real scans)", re.DOTALL)


def with_tables(card: str, held_out: str) -> str:
    """The card with other tables of drawn scans.

    Args:
        card: As `ship.card` writes it.
        held_out: What `pretrain.calibrate` prints.
    """
    return _TABLES.sub(lambda _: held_out, card, count=1)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bank", type=Path)
    parser.add_argument("--population", type=Path, required=True, help="bank that it was trained on")
    parser.add_argument("--pictures", type=int, default=200)
    asked = parser.parse_args()
    model = asked.bank.parent / DEFAULT
    if not model.is_dir():
        shutil.copytree(FOLDER / DEFAULT, model)
    table = told("calibrate", model, asked.bank, "--population", asked.population, "--pictures", str(asked.pictures))
    calibrated = models.load(model)
    card = with_tables(calibrated.card, table)
    models.save(replace(models.compact(calibrated), card=card), FOLDER / DEFAULT, overwrite=True)
    print(table)


if __name__ == "__main__":
    main()
