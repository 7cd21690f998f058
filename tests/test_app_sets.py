"""Label sets in the viewer: what was drawn on one gets into no other, and nothing that was drawn is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from app_pages import case_of, key_of
from app_server import Server, served
from app_view_page import Tab, tab
from condyle import io
from condyle.space import Volume
from datasets import label_map, small_dataset

IDS = ("anew", "draft", "late", "meanwhile", "restored", "slow", "two")

#: Puts the answer of a save off until `window.release()` is called.
HELD = """const [send, gate] = [window.fetch, Promise.withResolvers()];
window.release = gate.resolve;
window.fetch = async (url, options) => {
    const answer = await send(url, options);
    if (options?.method === "POST" && String(url).endsWith("/labels/reference")) await gate.promise;
    return answer;
};"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sets")
    dataset = small_dataset(folder / "small", IDS)
    for case in dataset.cases:
        io.write(dataset.folder / "labels" / "model" / f"{case.id}.nii.gz", judged())
        dataset = dataset.with_case(case.with_label_set("model", f"labels/model/{case.id}.nii.gz"))
    dataset.save()
    with served(folder) as running:
        yield running


def judged() -> Volume:
    out = label_map()
    out.array[:] = np.roll(out.array, 1, 0)
    return out


def opened(browser: Any, server: Server, case: str, script: str = "") -> Tab:
    """The viewer on a case's label set `reference`."""
    key = key_of(server)
    made = tab(browser, server.url)
    made.page.evaluate("localStorage.setItem('condyle.who', 'Eva')")
    if script:
        made.page.add_init_script(script)
    made.page.goto("about:blank")
    made.page.goto(f"{server.url}/#/view/{key}/{case_of(server, key, case)['key']}?set=reference")
    made.ready()
    return made


def address(server: Server, case: str, label_set: str = "reference") -> str:
    key = key_of(server)
    return f"/api/datasets/{key}/cases/{case_of(server, key, case)['key']}/labels/{label_set}"


def dab(shown: Tab, voxel: tuple[int, int, int], label: str = "1") -> None:
    """One touch of the brush."""
    shown.ask("view.session.moveTo(given)", list(voxel))
    shown.page.locator("[data-plane=axial] canvas").focus()
    for key in (label, "b", "Enter"):
        shown.page.keyboard.press(key)


def at(shown: Tab, voxel: tuple[int, int, int]) -> int:
    """The label of a voxel on the page."""
    return int(shown.ask("view.session.at(given).label", list(voxel)))


def stored(server: Server, case: str, label_set: str = "reference") -> np.ndarray:
    return io.read_labels(server.folder / "small/labels" / label_set / f"{case}.nii.gz").array


def state(shown: Tab, name: str) -> None:
    shown.until(f"document.querySelector('.view-status').dataset.state === '{name}'", 60)


def choose(shown: Tab, label_set: str) -> None:
    shown.page.get_by_label("Label set", exact=True).select_option(label_set)
    shown.chosen(label_set)


def choose_while_saving(shown: Tab, label_set: str) -> None:
    """As `choose`; the save that `HELD` puts off is answered after that."""
    shown.page.get_by_label("Label set", exact=True).select_option(label_set)
    shown.page.wait_for_timeout(500)
    shown.ask("window.release()")
    shown.chosen(label_set)


def drafts(server: Server, case: str) -> int:
    """Whether the server has one, as a status of HTTP."""
    return server.ask("GET", address(server, case) + "/autosave")[0]


def test_a_label_map_that_was_made_anew_is_shown_and_not_undone_by_a_save(browser, server):
    shown = opened(browser, server, "anew")
    assert at(shown, (2, 2, 2)) == 0
    made = label_map()
    made.array[2, 2, 2] = 4
    io.write(server.folder / "small/labels/reference/anew.nii.gz", made, overwrite=True)
    dab(shown, (20, 15, 3))
    shown.page.keyboard.press("Control+s")
    shown.page.wait_for_selector(".view-banner button:text('Load theirs')")
    assert np.array_equal(stored(server, "anew"), made.array)
    shown.page.reload()
    shown.ready()
    assert at(shown, (2, 2, 2)) == 4
    shown.page.context.close()


def test_a_job_that_makes_a_label_map_anew_is_seen_on_an_open_page(browser, server):
    shown = opened(browser, server, "anew")
    choose(shown, "model")
    made = judged()
    made.array[2, 2, 2] = 4
    io.write(server.folder / "small/labels/model/anew.nii.gz", made, overwrite=True)
    job = server.json("POST", "/api/jobs", {"verb": "check", "dataset": key_of(server)})["job"]
    server.wait_for_job(job["id"])
    last = time.monotonic() + 60
    while at(shown, (2, 2, 2)) != 4:
        assert time.monotonic() < last
        shown.page.wait_for_timeout(100)
    shown.page.context.close()


def test_the_draft_of_one_label_set_is_taken_up_into_no_other(browser, server):
    shown = opened(browser, server, "draft")
    dab(shown, (3, 3, 3))
    state(shown, "drafted")
    shown.page.reload()
    shown.ready()
    shown.page.wait_for_selector(".view-banner:visible")
    choose(shown, "model")
    assert not shown.page.is_visible(".view-banner")
    assert at(shown, (3, 3, 3)) == 0
    choose(shown, "reference")
    shown.page.click(".view-banner button:text('Take it up')")
    state(shown, "unsaved")
    assert at(shown, (3, 3, 3)) == 1
    shown.page.keyboard.press("Control+s")
    state(shown, "clean")
    assert np.array_equal(stored(server, "draft", "model"), judged().array)
    assert stored(server, "draft")[3, 3, 3] == 1
    assert drafts(server, "draft") == 204  # it was another tab's, and is saved
    shown.page.context.close()


def test_what_is_drawn_is_offered_again_when_a_revision_is_restored(browser, server):
    shown = opened(browser, server, "restored")
    dab(shown, (20, 15, 3))
    shown.page.keyboard.press("Control+s")
    state(shown, "clean")
    dab(shown, (3, 3, 3))
    state(shown, "drafted")
    shown.page.click(".view-side summary")
    shown.page.click(".view-revisions button:text('Restore')")
    shown.page.wait_for_selector(".view-banner:has-text('drawn on an older revision')")
    assert at(shown, (3, 3, 3)) == at(shown, (20, 15, 3)) == 0
    shown.page.click(".view-banner button:text('Take it up')")
    state(shown, "unsaved")
    assert (at(shown, (3, 3, 3)), at(shown, (20, 15, 3))) == (1, 1)
    shown.page.context.close()


def test_a_save_in_one_window_leaves_the_draft_of_another_and_load_theirs_keeps_it(browser, server):
    mine, theirs = opened(browser, server, "two"), opened(browser, server, "two")
    dab(mine, (3, 3, 3))
    state(mine, "drafted")
    dab(theirs, (20, 15, 3))
    theirs.page.keyboard.press("Control+s")
    state(theirs, "clean")
    assert drafts(server, "two") == 200
    mine.page.keyboard.press("Control+s")
    mine.page.click(".view-banner button:text('Load theirs')")
    mine.page.wait_for_selector(".view-banner:has-text('drawn on an older revision')")
    assert (at(mine, (3, 3, 3)), at(mine, (20, 15, 3))) == (0, 1)
    mine.page.click(".view-banner button:text('Take it up')")
    state(mine, "unsaved")
    assert (at(mine, (3, 3, 3)), at(mine, (20, 15, 3))) == (1, 0)
    mine.page.keyboard.press("Control+s")
    mine.page.click(".view-banner button:text('Keep mine as reference-2')")
    mine.saved()
    assert (stored(server, "two", "reference-2")[3, 3, 3], stored(server, "two")[20, 15, 3]) == (1, 1)
    last = time.monotonic() + 30
    while drafts(server, "two") != 204:  # it is saved, under another name
        assert time.monotonic() < last
        time.sleep(0.1)
    for shown in (mine, theirs):
        shown.page.context.close()


def test_what_a_tool_proposed_for_one_label_set_gets_into_no_other(browser, server):
    shown = opened(browser, server, "late")
    shown.ask(
        """(() => {
            const post = Worker.prototype.postMessage;  // the tool begins once the other set is there
            Worker.prototype.postMessage = function (message) {
                if (message.tool === "scan") post.call(this, message);
                else window.go = () => post.call(this, message);
            };
            view.hand.run("smooth", { sigma: 3 });
        })()"""
    )
    choose(shown, "model")
    shown.ask("window.go()")
    while shown.ask("view.hand.busy"):
        shown.page.wait_for_timeout(50)
    assert np.array_equal(shown.ask("[...view.session.labels.data]"), judged().array.ravel(order="F"))
    assert shown.ask("view.saving.state") == "clean"
    shown.page.context.close()


def test_the_answer_to_a_slow_save_is_noted_for_the_set_that_was_saved(browser, server):
    shown = opened(browser, server, "slow", HELD)
    dab(shown, (3, 3, 3))
    shown.page.keyboard.press("Control+s")
    state(shown, "saving")
    choose_while_saving(shown, "model")
    assert shown.ask("[view.saving.base, view.saving.when, view.saving.state]") == [1, None, "clean"]
    dab(shown, (3, 3, 3), "2")
    shown.page.keyboard.press("Control+s")
    state(shown, "clean")
    assert (stored(server, "slow")[3, 3, 3], stored(server, "slow", "model")[3, 3, 3]) == (1, 2)
    assert not shown.page.is_visible(".view-banner")
    shown.page.context.close()


def test_what_is_drawn_during_a_slow_save_is_kept_where_another_set_is_chosen_then(browser, server):
    shown = opened(browser, server, "meanwhile", HELD)
    dab(shown, (3, 3, 3))
    shown.page.keyboard.press("Control+s")
    state(shown, "saving")
    dab(shown, (20, 15, 3))
    choose_while_saving(shown, "model")
    assert drafts(server, "meanwhile") == 200
    choose(shown, "reference")
    shown.page.click(".view-banner button:text('Take it up')")
    state(shown, "unsaved")
    assert (at(shown, (3, 3, 3)), at(shown, (20, 15, 3))) == (1, 1)
    shown.page.context.close()


def test_what_cannot_be_kept_is_given_up_by_nobody_but_who_drew_it(browser, server):
    shown = opened(browser, server, "slow")
    shown.page.route("**/autosave", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    dab(shown, (5, 3, 3))
    shown.page.get_by_label("Label set", exact=True).select_option("model")
    shown.page.wait_for_selector(".view-banner:has-text('could not be kept as a draft')")
    assert (shown.ask("view.saving.set"), at(shown, (5, 3, 3))) == ("reference", 1)
    shown.page.click(".view-banner button:text('Give it up and load model')")
    shown.chosen("model")
    shown.page.context.close()
