"""Segment in the app begins with `bones`, on a real server: the one installed under that name, or the package's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app_pages import key_of, watched_page
from app_server import Server, served
from condyle import models
from datasets import small_dataset
from segment_models import pointwise_model


@contextmanager
def at_home(folder: Path) -> Iterator[Server]:
    """A server of a small dataset, of a user whose home is in the folder."""
    small_dataset(folder / "data" / "small", ("a", "b"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        with served(folder / "data") as running:
            yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    for name in ("bones", "ankle"):
        models.save(pointwise_model(), folder / "home/.condyle/models" / name)
    models.save(pointwise_model(), folder / "data/models/own")
    with at_home(folder) as running:
        yield running


def segmented_with_the_first_suggestion(server: Server) -> dict[str, object]:
    """What the server tells of the model that it suggests, after that has segmented a case."""
    told = server.json("GET", "/api/models")
    model = next(model for model in told["models"] if model["key"] == told["suggested"])
    asked = {"verb": "segment", "dataset": key_of(server), "model": model["key"], "label_set": model["name"]}
    job = server.wait_for_job(server.json("POST", "/api/jobs", asked)["job"]["id"])
    assert job["state"] == "done", job["error"]
    cases = server.json("GET", f"/api/datasets/{key_of(server)}")["cases"]
    assert all("bones" in case["label_sets"] for case in cases)
    return model


def test_the_suggested_model_segments_a_dataset(server):
    model = segmented_with_the_first_suggestion(server)
    assert (model["name"], model["own"], model["shipped"]) == ("bones", False, False)


def test_the_chooser_begins_with_it(browser, server):
    with watched_page(browser, server) as opened:
        opened.go(f"segment/{key_of(server)}")
        opened.see("#go")
        shown = [text.split()[0] for text in opened.page.locator("#how option").all_inner_texts()]
        assert shown == ["bones", "fill:", "own", "ankle"]
        assert opened.page.locator("#how option").first.evaluate("(option) => option.selected")
        assert opened.page.input_value("#set") == "bones"
        assert not opened.page.is_visible("#threshold")
        opened.page.select_option("#how", "")
        assert opened.page.is_visible("#threshold")


def test_the_packages_own_model_is_suggested_and_segments(bones, tmp_path):
    with at_home(tmp_path) as server:
        model = segmented_with_the_first_suggestion(server)
    assert (model["name"], model["own"], model["shipped"]) == (bones.name, False, True)
