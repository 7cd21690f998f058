"""The viewer in a real browser on the real server: what is seen, what is painted, what arrives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app_server import Server, served
from app_view_page import Tab, tab
from browsers import chromium
from condyle import io
from condyle.data import Case, Dataset
from condyle.data.case import image_path, labels_path
from condyle.space import Grid, Volume
from datasets import AFFINE, GRID, LABELS, label_map, scan

#: The oblique scan with its axes in another order, one of them turned round.
PERMUTED = AFFINE @ np.array([[0, 1, 0, 0], [0, 0, -1, 19], [1, 0, 0, 0], [0, 0, 0, 1.0]])


@dataclass
class App:
    """A server with two cases, a browser, and the dataset on disk."""

    server: Server
    browser: Any
    folder: Path
    dataset: str
    cases: dict[str, str]

    def open(self, case: str, query: str = "set=reference", **options: Any) -> Tab:
        opened = tab(self.browser, f"{self.server.url}/#/view/{self.dataset}/{self.cases[case]}?{query}", **options)
        opened.page.evaluate("localStorage.setItem('condyle.who', 'A. Reader')")
        opened.ready()
        return opened

    def stored(self, case: str, label_set: str = "reference") -> Volume:
        return io.read_labels(self.folder / labels_path(label_set, case))


def permuted(volume: Volume) -> Volume:
    """The same voxels in the same places of the world, in another order in memory."""
    array = np.ascontiguousarray(volume.array.transpose(2, 0, 1)[:, :, ::-1])
    return Volume(array, Grid(array.shape, PERMUTED))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("view") / "small"
    dataset = Dataset(folder, "small", ("CT",), LABELS)
    for id_, turned in (("oblique", False), ("permuted", True), ("drawn", False), ("shared", False)):
        sets = {name: labels_path(name, id_) for name in ("reference", "model")}
        case = Case(id_, id_, {"CT": image_path("CT", id_)}, sets)
        judged = label_map()
        judged.array[:] = np.roll(judged.array, 1, 0)
        for path, volume in ((case.images["CT"], scan(1)), (sets["reference"], label_map()), (sets["model"], judged)):
            io.write(dataset.path(path), permuted(volume) if turned else volume)
        dataset = dataset.with_case(case)
    dataset.save()
    with chromium() as running, served(folder.parent) as server:
        (found,) = server.json("GET", "/api/datasets")["datasets"]
        listed = server.json("GET", f"/api/datasets/{found['key']}")["cases"]
        yield App(server, running, folder, found["key"], {case["id"]: case["key"] for case in listed})


@pytest.fixture(scope="module")
def seen(app: App) -> Iterator[Tab]:
    """A tab that looks at the oblique case and changes nothing."""
    opened = app.open("oblique")
    yield opened
    opened.page.context.close()


#: Mean place of a colour in a picture, from 0 (left, top) to 1, and how many of its pixels have it.
PLACE = """(({ plane, color, near }) => {
    view.draw.now();
    const { canvas } = view.panes[plane];
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let [x, y, count] = [0, 0, 0];
    for (let n = 0; n < data.length; n += 4) {
        if (Math.hypot(data[n] - color[0], data[n + 1] - color[1], data[n + 2] - color[2]) > (near ?? 40)) continue;
        x += (n / 4) % canvas.width; y += Math.floor(n / 4 / canvas.width); count += 1;
    }
    return { x: x / count / canvas.width, y: y / count / canvas.height, count };
})(given)"""

SET_PLAIN = "view.session.set('look', { style: 'fill', opacity: 1, crosshair: false, mode: 'plain' })"


def color(name: str) -> list[int]:
    return list(LABELS[name].color)


def test_the_patients_right_is_on_the_left_and_marked_so(seen: Tab):
    seen.ask(SET_PLAIN)
    for plane in ("axial", "coronal"):
        right = seen.ask(PLACE, {"plane": plane, "color": color("femur_right")})
        left = seen.ask(PLACE, {"plane": plane, "color": color("femur_left")})
        assert right["count"] > 100
        assert right["x"] < 0.5 < left["x"]
    assert seen.ask("view.panes.axial.plane.letters") == ["R", "L", "A", "P"]
    assert seen.ask("view.panes.sagittal.plane.letters") == ["A", "P", "S", "I"]


def test_the_line_below_tells_place_value_and_structure_of_the_voxel(seen: Tab):
    voxel = [6, 10, 8]
    seen.ask("(view.session.moveTo(given), view.draw.now())", voxel)
    said = seen.page.locator(".view-readout").text_content()
    world = GRID.affine @ [*voxel, 1]
    for letters, mm in zip(("RL", "AP", "SI"), world[:3], strict=True):
        assert f"{letters[0] if mm >= 0 else letters[1]} {abs(mm):.1f}" in said
    assert f"{scan(1).array[tuple(voxel)]} HU" in said
    assert "femur_right" in said


def test_arrows_move_the_crosshair_on_the_screen_and_pages_turn_slices(seen: Tab):
    seen.ask("view.session.moveTo([10, 10, 8])")
    seen.page.locator("[data-plane=axial] canvas").focus()
    seen.page.keyboard.press("ArrowRight")
    assert seen.ask("view.session.cursor") == [11, 10, 8]  # the screen's right is the patient's left, where i runs
    seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("PageUp")
    assert seen.ask("view.session.cursor") == [11, 11, 9]


def test_a_click_links_the_planes_and_the_wheel_turns_slices(seen: Tab):
    seen.page.keyboard.press("n")
    before = seen.ask("view.session.cursor")
    seen.page.locator("[data-plane=coronal] canvas").click(position={"x": 150, "y": 120})
    after = seen.ask("view.session.cursor")
    assert after[1] == before[1]
    assert after != before
    seen.page.mouse.wheel(0, 100)
    assert abs(seen.ask("view.session.cursor")[1] - after[1]) == 1


@pytest.mark.parametrize(("name", "window"), [("soft", [-160, 240]), ("bone", [-450, 1050])])
def test_window_presets_set_the_window(seen: Tab, name: str, window: list[int]):
    seen.page.get_by_label("Window", exact=True).last.select_option(name)
    assert seen.ask("view.session.look.window") == window


def test_two_label_sets_are_compared_as_contours_and_as_an_error_map(seen: Tab):
    seen.ask("view.session.moveTo([6, 10, 8])")
    seen.page.get_by_label("Compare with").select_option("model")
    seen.until("document.querySelector('#main > .wide .view-legend').hidden === false")
    for shade in ([46, 224, 107], [255, 59, 48]):
        assert seen.ask(PLACE, {"plane": "axial", "color": shade})["count"] > 50
    seen.page.locator("button[data-value=errors]").click()
    seen.ask("view.session.set('look', { opacity: 1, first: 'labels' })")
    missed = seen.ask(PLACE, {"plane": "axial", "color": [77, 163, 255]})
    false = seen.ask(PLACE, {"plane": "axial", "color": [255, 159, 28]})
    assert missed["count"] > 50
    assert missed["x"] < false["x"]  # the model lies one voxel further to the patient's left
    assert seen.page.locator(".view-legend").text_content() == "missedfalseagreedanother structure"
    seen.page.get_by_label("Compare with").select_option("")
    seen.until("document.querySelector('#main > .wide .view-legend').hidden")


#: Voxels of the axial slice that the threshold paints.
ISO_PIXELS = """(() => {
    view.draw.now();
    const { data } = view.panes.axial.layers.iso.canvas.getContext("2d").getImageData(0, 0, 24, 20);
    return data.filter((n, at) => at % 4 === 3 && n).length;
})()"""


def test_the_threshold_is_live_on_the_screen_and_asks_no_server(seen: Tab):
    seen.ask("view.session.set('look', { labels: false })")
    seen.page.keyboard.press("t")
    asked = len(seen.asked)
    counts = []
    for low in (200, 2000):
        seen.page.get_by_label("Low", exact=True).first.fill(str(low))
        seen.page.keyboard.press("Enter")
        counts.append(seen.ask(ISO_PIXELS))
    assert counts == [int((scan(1).array[:, :, 8] >= 200).sum()), 0]
    assert len(seen.asked) == asked
    seen.ask("(view.session.set('look', { labels: true }), view.session.set('tool', { name: 'navigate' }))")


def test_a_distance_is_measured_in_mm_on_an_oblique_scan(seen: Tab):
    seen.ask("view.session.set('tool', { name: 'distance' })")
    ends = [[6, 10, 8], [17, 4, 12]]
    for end in ends:
        seen.ask("(view.hand.begin(view.panes.axial, given), view.hand.end())", end)
    (measure,) = seen.ask("view.session.measures")
    apart = np.subtract(*measure["points"])
    steps = np.subtract(*ends) * (1.5, 1.5, 2.0)
    assert np.linalg.norm(apart) == pytest.approx(np.linalg.norm(steps))
    seen.page.keyboard.press("n")


def test_the_labels_stand_in_3d(seen: Tab):
    lit = seen.ask(
        """(() => {
            const nv = view.scene.view;
            nv.drawScene();
            const { gl } = nv;
            const pixels = new Uint8Array(gl.drawingBufferWidth * gl.drawingBufferHeight * 4);
            gl.readPixels(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
            return pixels.filter((value, n) => n % 4 !== 3 && value > 80).length;
        })()"""
    )
    assert lit > 1000


@pytest.mark.parametrize("space", ["RAS", "LPS"])
def test_a_mesh_stands_where_its_head_says(seen: Tab, space: str):
    """A triangle with corners in RAS mm, as an STL of either world."""
    corners = np.array([[10, 20, -5], [-12, 3, 8], [4, -7, 1]], np.float32)
    signs = [-1, -1, 1] if space == "LPS" else [1, 1, 1]
    facet = np.concatenate([[0, 0, 1], (corners * signs).ravel()]).astype("<f4").tobytes() + b"\0\0"
    file = f"Condyle, millimetres. SPACE={space}".encode().ljust(80) + np.uint32(1).tobytes() + facet
    points = seen.ask(
        """(async () => {
            const { scene } = view;
            const api = scene.api;
            scene.api = { send: async () => new Response(Uint8Array.from(given)) };
            await scene.setMeshes([{ url: "", color: [255, 0, 0], structure: "femur_left" }]);
            const points = [...scene.view.meshes[0].pts];
            scene.api = api;
            await scene.setMeshes([]);
            return points;
        })()""",
        list(file),
    )
    assert sorted(map(tuple, np.reshape(points, (3, 3)))) == sorted(map(tuple, corners.astype(float)))


def test_help_tells_every_key(seen: Tab):
    seen.page.keyboard.press("?")
    said = seen.page.locator("dialog[open]").text_content()
    assert "Grow-cut" in said
    assert "Ctrl Z" in said
    seen.page.keyboard.press("Escape")


#: Ratio of contrast (WCAG 2.2, 1.4.3) of each text to the first opaque ground behind it, below 4.5.
CONTRAST = """(() => {
    const rgba = (text) => {
        const pen = document.createElement("canvas").getContext("2d");
        pen.fillStyle = text; pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const linear = (n) => (n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    const light = (color) => color.slice(0, 3).map((n) => linear(n / 255))
        .reduce((sum, n, at) => sum + n * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = (element) => {
        const over = [];
        for (let at = element; at; at = at.parentElement) {
            const color = rgba(getComputedStyle(at).backgroundColor);
            over.push(color);
            if (color[3] === 255) break;
        }
        const onto = (below, [r, g, b, a]) => [r, g, b].map((n, at) => n * a / 255 + below[at] * (1 - a / 255));
        return over.reverse().reduce(onto, [255, 255, 255]);
    };
    const said = (one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const read = (one) => one.checkVisibility() && !one.closest(":disabled") && said(one);
    return [...document.querySelectorAll(".view *")].filter(read).map((one) => {
        const [a, b] = [light(rgba(getComputedStyle(one).color)), light(ground(one))];
        return [one.textContent, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    }).filter(([, ratio]) => ratio < 4.5);
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast_and_every_control_a_name(seen: Tab, scheme: str):
    seen.page.emulate_media(color_scheme=scheme)
    for key in "btgc":
        seen.page.keyboard.press(key)
        assert seen.ask(CONTRAST) == []
    nameless = """[...document.querySelectorAll(".view :is(button, input, select, canvas)")].filter((one) =>
        !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length)).length"""
    assert seen.ask(nameless) == 0
    seen.page.keyboard.press("n")


def test_frames_while_scrolling(seen: Tab, capsys: pytest.CaptureFixture[str]):
    times = seen.ask(
        """[...Array(30).keys()].map((n) => {
            view.panes.axial.goTo(n % 16); view.draw.now(); return view.draw.times.at(-1);
        }).sort((a, b) => a - b)"""
    )
    with capsys.disabled():
        sys.stdout.write(f"\nframe while scrolling: median {times[15]:.1f} ms, slowest {times[-1]:.1f} ms\n")
    assert len(times) == 30


def test_nothing_failed_and_no_other_host_was_asked(seen: Tab, app: App):
    assert seen.faults == []
    assert [url for url in seen.asked if not url.startswith((app.server.url, "data:", "blob:"))] == []


@pytest.mark.parametrize("case", ["drawn", "permuted"])
def test_painted_voxels_arrive_and_all_others_stay_bit_by_bit(app: App, case: str):
    before = app.stored(case)
    opened = app.open(case)
    page = opened.page
    page.keyboard.press("3")  # the third structure: patella
    page.keyboard.press("b")
    box = page.locator("[data-plane=axial] canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + box["height"] / 2 + 20, steps=4)
    page.mouse.up()
    painted = np.array(opened.ask("[...view.session.labels.data]"), np.uint8).reshape(before.array.shape, order="F")
    assert set(painted[painted != before.array]) == {LABELS["patella"].id}
    assert 3 <= (painted != before.array).sum() < 400
    page.keyboard.press("Control+s")
    opened.saved()
    after = app.stored(case)
    assert np.array_equal(after.array, painted)
    assert np.array_equal(after.grid.affine, before.grid.affine)
    assert opened.ask("view.saving.base") == 2
    opened.until("document.querySelector('.view-revisions').textContent.includes('A. Reader')")
    assert opened.faults == []
    page.context.close()


def test_undo_by_key_gives_back_what_was_and_a_lock_holds(app: App):
    opened = app.open("oblique")
    page = opened.page
    same = "view.session.labels.data.every((label, n) => label === window.before[n])"
    opened.ask("void (window.before = view.session.labels.data.slice())")
    opened.ask("view.session.moveTo([6, 10, 8])")
    page.locator("[data-plane=axial] canvas").focus()
    for key in ("1", "b", "Enter"):
        page.keyboard.press(key)
    assert not opened.ask(same)
    page.keyboard.press("Control+z")
    assert opened.ask(same)
    page.keyboard.press("Control+y")
    assert not opened.ask(same)
    page.keyboard.press("Control+z")
    page.get_by_label("Lock femur_right").click()
    page.locator("[data-plane=axial] canvas").focus()
    page.keyboard.press("Enter")
    held = "view.session.labels.data.every((label, n) => (label === 2) === (window.before[n] === 2))"
    assert opened.ask(held)
    page.context.close()


def test_a_heavy_tool_works_from_its_button_and_is_one_step_of_undo(app: App):
    opened = app.open("oblique")
    page = opened.page
    opened.ask("void (window.before = view.session.labels.data.slice())")
    page.keyboard.press("2")
    page.keyboard.press("s")
    opened.ask("view.session.set('tool', { sigma: 3 })")
    page.get_by_role("button", name="Smooth", exact=True).last.click()
    opened.until("document.querySelector('.view-told').textContent.startsWith('Smoothing')")
    assert opened.ask("view.session.history.undoes") == "Smoothing"
    page.keyboard.press("Control+z")
    assert opened.ask("view.session.labels.data.every((label, n) => label === window.before[n])")
    page.context.close()


def test_fingers_enlarge_and_a_pens_other_end_erases(app: App):
    opened = app.open("oblique", has_touch=True)
    found = opened.ask(
        """(() => {
            const { canvas } = view.panes.axial;
            canvas.setPointerCapture = () => {};
            const box = canvas.getBoundingClientRect();
            const send = (type, pointerId, x, y, more) => canvas.dispatchEvent(new PointerEvent(type, {
                pointerId, buttons: 1, pointerType: "touch", clientX: box.left + x, clientY: box.top + y, ...more }));
            send("pointerdown", 1, 150, 150); send("pointerdown", 2, 200, 150);
            send("pointermove", 2, 260, 150);
            const zoom = view.panes.axial.zoom;
            send("pointerup", 1, 150, 150); send("pointerup", 2, 260, 150);
            view.panes.axial.reset();
            view.session.set("tool", { name: "brush", radius: 3 });
            view.session.active = 2;
            view.session.moveTo([6, 10, 8]);
            const [x, y] = view.panes.axial.toScreen(...[6, 10]).map((n) => n * canvas.clientWidth / canvas.width);
            const count = () => view.session.labels.data.filter((label) => label === 2).length;
            const before = count();
            const pen = { pointerType: "pen", button: 5, buttons: 32 };
            send("pointerdown", 3, x, y, pen); send("pointerup", 3, x, y, { ...pen, buttons: 0 });
            return { zoom, before, after: count() };
        })()"""
    )
    assert found["zoom"] > 1.5
    assert 0 < found["after"] < found["before"]
    opened.page.context.close()


def test_the_threshold_on_the_screen_starts_fill(app: App):
    opened = app.open("shared", "tool=threshold")
    opened.ask("view.session.set('tool', { range: [200, 3000] })")
    opened.page.get_by_role("button", name="Make a bone mask with it").click()
    opened.until("document.querySelector('.view-told').textContent.startsWith('A job')")
    (job,) = app.server.json("GET", "/api/jobs")["jobs"]
    assert app.server.wait_for_job(job["id"])["state"] == "done"
    assert app.stored("shared", "fill").array.any()
    opened.page.context.close()


def test_unsaved_work_is_offered_again_after_a_reload(app: App):
    opened = app.open("shared")
    page = opened.page
    opened.ask("view.session.moveTo([12, 12, 3])")
    page.locator("[data-plane=axial] canvas").focus()
    for key in ("2", "b", "Enter"):
        page.keyboard.press(key)
    opened.until("document.querySelector('.view-status').textContent.startsWith('Draft')")
    drawn = opened.ask("[...view.session.labels.data]")
    page.reload()
    opened.ready()
    assert opened.ask("[...view.session.labels.data]") != drawn
    page.get_by_role("button", name="Take it up").click()
    opened.until("document.querySelector('.view-status').dataset.state !== 'clean'")
    assert opened.ask("[...view.session.labels.data]") == drawn
    page.context.close()


def test_the_second_to_save_is_told_and_overwrites_nothing(app: App):
    first, second = app.open("drawn"), app.open("drawn")
    for opened, label in ((first, "1"), (second, "2")):
        opened.ask("view.session.moveTo([3, 3, 3])")
        opened.page.locator("[data-plane=axial] canvas").focus()
        for key in (label, "b", "Enter"):
            opened.page.keyboard.press(key)
    first.page.keyboard.press("Control+s")
    first.saved()
    stored = app.stored("drawn")
    second.page.keyboard.press("Control+s")
    second.page.wait_for_selector(".view-banner:visible")
    assert "A. Reader saved revision" in second.page.locator(".view-banner").text_content()
    assert np.array_equal(app.stored("drawn").array, stored.array)
    second.page.get_by_role("button", name="Keep mine as reference-2").click()
    second.saved()
    assert (app.stored("drawn", "reference-2").array != stored.array).any()
    first.page.context.close()
    second.page.context.close()
