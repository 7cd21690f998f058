"""axe-core, a judge of accessibility, and what it says of a page.

It is no part of the package: `tools/install-test-programs` fetches the pinned version into the environment.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

#: Where it is fetched to.
FILE = Path(sys.prefix) / "share" / "axe-core" / "axe.min.js"

#: How grave a fault must be to be told.
GRAVE = ("serious", "critical")

_RUN = """async (grave) => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.filter(({ impact }) => grave.includes(impact))
        .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}"""


def script() -> str:
    """The program, or a skip that says how to get it."""
    if not FILE.is_file():
        pytest.skip("axe-core is not installed; tools/install-test-programs fetches it")
    return FILE.read_text(encoding="utf-8")


def grave_faults(page: Any) -> list[str]:
    """What is serious or critical on a page that was opened with `script` as its initial script."""
    found: list[str] = page.evaluate(_RUN, list(GRAVE))
    return found
