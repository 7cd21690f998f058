"""The page of a comparison in a real browser, opened from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browsers import Watched
from compare_cases import NAMES, candidates
from condyle.workflow.compare import compare


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    where = candidates(root, patients=2)
    names = ["<img src=x onerror='window.ran = 1'>", "</style><b>", "net@1", "net@2"]
    given = [where["3d"], where["poor"], where["2d"], where["poor"]]
    known: dict[str, Any] = {"titles": names, "names": NAMES, "images": where["scans"], "baseline": "limb"}
    compare(given, reference=where["truth"], out=root / "out", cases=1, processes=1, **known)
    return root / "out/compare.html"


def test_nothing_fails_nothing_is_asked_of_any_network_and_no_name_is_run(browser: Any, made: Path):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    watched = Watched(page, grave=("error", "warning"))
    page.goto(made.as_uri())
    assert watched.faults == []
    assert [url for url in watched.asked if not url.startswith("data:")] == [made.as_uri()]
    assert page.evaluate("window.ran") is None
    assert "<img src=x" in page.locator("h1").text_content()
    assert page.locator("img").evaluate_all("all => all.map((img) => img.naturalWidth > 500)") == [True]
    page.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_narrow_and_wide_screens_with_every_fold_open(browser: Any, made: Path, width: int):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(made.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def test_every_candidate_has_a_colour_of_its_own(browser: Any, made: Path):
    page = browser.new_page()
    page.goto(made.as_uri())
    colours = page.locator(".panel figure:first-child .dot").evaluate_all(
        "all => [...new Set(all.map((dot) => getComputedStyle(dot).fill))]"
    )
    assert len(colours) == 3
    page.close()
