"""The report in a real browser, opened from disk: the viewer, the table and the surface at work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from browsers import Watched
from condyle import io
from condyle.workflow.report import report
from report_cases import NAMES, folders

#: Turns the surface and draws: what was and is on the canvas, read before the browser may clear it.
TURN = """(how) => {
    const { gl, draw } = condyle.surface;
    const read = () => {
        draw();
        const pixels = new Uint8Array(gl.drawingBufferWidth * gl.drawingBufferHeight * 4);
        gl.readPixels(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
        return pixels;
    };
    const before = read();
    const lit = before.filter((value, n) => n % 4 !== 3 && value > 60).length;
    if (how) condyle.surface.turn(0.9, 0.2);
    const after = read();
    return { lit, changed: after.filter((value, n) => value !== before[n]).length };
}"""

#: Mean place of a colour in the axial picture, from 0 (left) to 1 (right), and how many pixels have it.
PLACE = """(color) => {
    const canvas = document.querySelector("[data-plane=axial] canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let [sum, count] = [0, 0];
    for (let n = 0; n < data.length; n += 4) {
        if (Math.hypot(data[n] - color[0], data[n + 1] - color[1], data[n + 2] - color[2]) < 60) {
            sum += (n / 4) % canvas.width;
            count += 1;
        }
    }
    return { at: sum / count / canvas.width, count };
}"""


#: The axial slice through the middle of the femur.
MIDDLE = """() => {
    const [femur] = condyle.data.structures;
    condyle.view.index[2] = femur.start[2] + (femur.shape[2] >> 1);
}"""

#: Voxels missed, false and agreed of each structure, over all axial slices, as the error map paints them.
COUNTS = """() => {
    const { data, planes } = condyle;
    const structures = {};
    for (const structure of data.structures) {
        const counts = [0, 0, 0];
        for (let z = 0; z < data.shape[2]; z++) {
            const kinds = condyle.kinds(data, [structure], planes.axial, z, condyle.errorOf(2));
            kinds.forEach((kind) => { if (kind) counts[kind - 1] += 1; });
        }
        structures[structure.name] = counts;
    }
    return { case: data.id, structures };
}"""

TRUTH, MISSED = [46, 224, 107], [77, 163, 255]


@dataclass
class Opened(Watched):
    """A page opened from disk."""

    folder: Path = Path()
    url: str = ""


@pytest.fixture(scope="module")
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    where = folders(tmp_path_factory.mktemp("browser"))
    out = where["truth"].parent / "page.html"
    given = {"other": where["rival"], "images": where["images"], "names": NAMES, "processes": 1}
    report(where["model"], where["truth"], out=out, **given)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    opened = Opened(page, folder=out.parent, url=out.as_uri())
    page.goto(opened.url)
    page.evaluate("condyle.opened")
    yield opened
    page.close()


def test_the_slider_moves_the_slice(opened: Opened):
    state = "[condyle.view.index[2], document.querySelector('[data-plane=axial] output').textContent]"
    before = opened.page.evaluate(state)
    opened.page.locator("[data-plane=axial] input").focus()
    opened.page.keyboard.press("ArrowRight")
    after = opened.page.evaluate(state)
    assert after[0] == before[0] + 1
    assert after[1] != before[1]


def test_every_mode_has_its_colours_and_the_patients_right_is_on_the_left(opened: Opened):
    page = opened.page
    page.evaluate(MIDDLE)
    page.select_option("#structure", "femur_right")
    contours = page.evaluate(PLACE, TRUTH)
    assert contours["count"] > 50
    assert contours["at"] < 0.45
    assert page.locator("[data-plane=axial] .left").text_content() == "R"
    page.check("input[value=error]")
    missed = page.evaluate(PLACE, MISSED)
    assert missed["count"] > 20
    assert missed["at"] < 0.45
    assert "missed" in page.locator("#legend").text_content()
    page.check("input[value=agreement]")
    assert "only rival" in page.locator("#legend").text_content()
    page.check("input[value=plain]")
    assert page.evaluate(PLACE, MISSED)["count"] == 0


def test_the_browser_finds_the_same_errors_as_there_are(opened: Opened):
    counts = opened.page.evaluate(COUNTS)
    for name, found in counts["structures"].items():
        truth, judged = (
            io.read_labels(opened.folder / which / f"{counts['case']}.nii.gz").array == NAMES[name]
            for which in ("truth", "model")
        )
        assert found == [int((truth & ~judged).sum()), int((judged & ~truth).sum()), int((truth & judged).sum())]


def test_a_click_in_a_plane_moves_the_others(opened: Opened):
    index = opened.page.evaluate("[...condyle.view.index]")
    opened.page.locator("[data-plane=coronal] canvas").click(position={"x": 300, "y": 180})
    assert opened.page.evaluate("[...condyle.view.index]") != index


def test_the_table_sorts_both_ways(opened: Opened):
    column = "[...document.querySelectorAll('.sortable tbody tr')].map((row) => Number(row.cells[4].dataset.value))"
    heading = opened.page.locator(".sortable thead button").nth(4)
    heading.click()
    values = opened.page.evaluate(column)
    assert values == sorted(values)
    heading.click()
    assert opened.page.evaluate(column) == sorted(values, reverse=True)


def test_the_surface_turns_by_program_mouse_and_key_and_takes_another_scale(opened: Opened):
    page = opened.page
    assert page.evaluate(TURN, False)["changed"] == 0
    turned = page.evaluate(TURN, True)
    assert turned["lit"] > 1000
    assert turned["changed"] > 1000
    stage = page.locator("#surface .stage")
    stage.scroll_into_view_if_needed()
    pixels = "condyle.surface.draw(), document.querySelector('#surface .stage canvas').toDataURL()"
    shown = [page.evaluate(pixels)]
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 280, box["y"] + 220)
    page.mouse.up()
    shown.append(page.evaluate(pixels))
    stage.locator("canvas").focus()
    page.keyboard.press("ArrowLeft")
    shown.append(page.evaluate(pixels))
    page.select_option("#scale", "0.25")
    shown.append(page.evaluate(pixels))
    assert len(set(shown)) == 4


def test_another_case_and_the_second_prediction_can_be_chosen(opened: Opened):
    text = opened.page.locator("#told").text_content()
    opened.page.locator("#next").click()
    opened.page.evaluate("condyle.opened")
    assert opened.page.locator("#told").text_content() != text
    opened.page.select_option("#model", label="rival")
    assert opened.page.evaluate("condyle.view.bit") == 4
    opened.page.locator("a[data-case='0']").first.click()
    opened.page.evaluate("condyle.opened")
    assert opened.page.locator("#told").text_content() == text


def test_nothing_failed_and_nothing_was_asked_of_any_network(opened: Opened):
    assert opened.faults == []
    assert [url for url in opened.asked if not url.startswith(("data:", "blob:"))] == [opened.url]


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_narrow_and_wide_screens(opened: Opened, width: int):
    opened.page.set_viewport_size({"width": width, "height": 800})
    assert opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_from_files_are_shown_and_never_run(tmp_path: Path, browser: Any):
    where = folders(tmp_path, ("<img src=x onerror='window.ran = 1'>",))
    out = tmp_path / "page.html"
    report(where["model"], where["truth"], out=out, names={"<b onclick=x>": 1, "</script>": 2}, processes=1)
    page = browser.new_page()
    page.goto(out.as_uri())
    page.evaluate("condyle.opened")
    assert page.evaluate("window.ran") is None
    assert page.locator("#case option").text_content() == "<img src=x onerror='window.ran = 1'>"
    assert page.locator("#structure option").all_text_contents() == ["All structures", "<b onclick=x>", "</script>"]
    page.close()
