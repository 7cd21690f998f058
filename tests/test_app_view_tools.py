"""The viewer's own algorithms, run in the browser against bodies whose volume, border and gaps are known."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app_server import served
from app_view_page import Tab, tab
from browsers import chromium
from condyle import io
from condyle.space import Grid, Volume


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium() as running, served(tmp_path_factory.mktemp("tools")) as server:
        yield tab(running, server.url)


@pytest.mark.parametrize("radius", [4.0, 9.0])
def test_a_painted_ball_has_the_volume_of_its_radius_in_mm(page: Tab, radius: float):
    volume = page.run("return ball([23, 21, 15], given).length * voxel;", radius)
    assert volume == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.04)


@pytest.mark.parametrize("through", [0, 1, 2])
def test_a_disc_stays_in_its_slice_and_is_round_in_mm(page: Tab, through: int):
    given = {"through": through, "radius": 8.0}
    found = page.run(
        """const indices = ball([23.3, 21.2, 15.4], given.radius, given.through);
        const places = [...indices].map((n) => [n % 48, Math.floor(n / 48) % 44, Math.floor(n / 2112)]);
        return { area: indices.length * voxel / grid.spacing[given.through],
            slices: new Set(places.map((p) => p[given.through])).size };""",
        given,
    )
    assert found["slices"] == 1
    assert found["area"] == pytest.approx(math.pi * 64, rel=0.05)


def test_a_stroke_leaves_no_gap_between_two_events_of_the_pointer(page: Tab):
    volume = page.run("return lib.capsule(grid, [12, 21, 15], [35, 21, 15], 5).length * voxel;")
    assert volume == pytest.approx(math.pi * 25 * 23 * 0.8 + 4 / 3 * math.pi * 125, rel=0.04)


def test_undo_and_redo_are_exact_bit_by_bit(page: Tab):
    assert (
        page.run(
            """const labels = new Uint16Array(count).map((_, n) => (n * 7919) % 5 ? 0 : 300 + n % 3);
        const history = new lib.History();
        const states = [labels.slice()];
        [[[10, 10, 8], 6, 1], [[14, 12, 9], 5, 300], [[12, 11, 8], 4, 0]].forEach(([at, radius, label]) => {
            const deltas = [paint(labels, ball(at, radius), label), paint(labels, ball(at, 2), 9)];
            history.push({ name: "x", deltas });
            states.push(labels.slice());
        });
        const same = (n) => labels.every((label, at) => label === states[n][at]);
        const seen = [];
        for (const n of [2, 1, 0]) { history.undo(labels); seen.push(same(n)); }
        for (const n of [1, 2, 3]) { history.redo(labels); seen.push(same(n)); }
        return seen.concat(history.redo(labels) === null);"""
        )
        == [True] * 7
    )


def test_history_is_kept_in_bounded_memory_and_as_changes_alone(page: Tab):
    found = page.run(
        """const labels = new Uint8Array(count);
        const history = new lib.History(4000);
        const delta = paint(labels, ball([23, 21, 15], 9), 1);
        for (let n = 0; n < 50; n++) {
            history.push({ name: String(n), deltas: [paint(labels, ball([20 + n % 9, 21, 15], 5), n % 3)] });
        }
        let steps = 0;
        while (history.undo(labels)) steps++;
        return { bytes: history.bytes, steps, delta: delta.byteLength };"""
    )
    assert found["bytes"] <= 4000
    assert 1 <= found["steps"] < 50
    assert found["delta"] < 48 * 44 * 30 / 5


def test_a_locked_label_neither_changes_nor_grows(page: Tab):
    assert (
        page.run(
            """const labels = new Uint8Array(count);
        paint(labels, ball([20, 20, 15], 8), 1);
        const before = labels.slice();
        const locked = new Set([1]);
        const over = paint(labels, ball([24, 20, 15], 8), 2, locked);
        const held = before.every((label, n) => (label === 1) === (labels[n] === 1));
        const now = labels.slice();
        const grown = paint(labels, ball([30, 20, 15], 8), 1, locked);
        return [held, lib.changed(over) > 0, grown.length === 0, now.every((label, n) => label === labels[n])];"""
        )
        == [True] * 4
    )


def test_between_two_discs_of_a_cone_lies_the_cone(page: Tab):
    worst = page.run(
        """const labels = new Uint8Array(count);
        const radius = (k) => 4 + (k - 4) * 0.5;
        for (const k of [4, 24]) paint(labels, ball([23, 21, k], radius(k), 2), 1);
        const gap = lib.between(labels, grid, 1, 2);
        const slices = new Map();
        for (const n of gap) slices.set(Math.floor(n / 2112), (slices.get(Math.floor(n / 2112)) ?? 0) + 1);
        return { slices: slices.size,
            off: Math.max(...[...slices].map(([k, n]) => Math.abs(Math.sqrt(n * 0.8 / Math.PI) - radius(k)))) };"""
    )
    assert worst["slices"] == 19
    assert worst["off"] < 0.8


def test_flood_takes_what_is_connected_and_in_range_and_no_more(page: Tab):
    assert page.run(
        """const data = new Int16Array(count);
        const [one, two] = [ball([12, 20, 15], 7), ball([36, 20, 15], 6)];
        for (const n of [...one, ...two]) data[n] = 500;
        const scan = { data, slope: 2, intercept: -100, shape: grid.shape };
        const seed = 12 + 48 * (20 + 44 * 15);
        const slice = lib.flood(scan, seed, [800, 1000], 2);
        return [lib.flood(scan, seed, [800, 1000]).length === one.length, lib.flood(scan, seed, [901, 1000]).length,
            slice.length === ball([12, 20, 15], 7, 2).length,
            lib.within(scan, [800, 1000]).length === one.length + two.length];"""
    ) == [True, 0, True, True]


def test_the_bucket_fills_one_region_of_one_label(page: Tab):
    assert page.run(
        """const labels = new Uint8Array(count);
        const ring = ball([23, 21, 15], 12, 2);
        paint(labels, ring, 1);
        const inner = ball([23, 21, 15], 6, 2);
        paint(labels, inner, 0);
        return lib.bucket(labels, grid.shape, 23 + 48 * (21 + 44 * 15), 2).length === inner.length;"""
    )


def test_islands_and_holes_are_found_exactly(page: Tab):
    assert (
        page.run(
            """const labels = new Uint8Array(count);
        const [big, small, hole] = [ball([20, 21, 15], 10), ball([40, 38, 26], 3), ball([20, 21, 15], 4)];
        paint(labels, big, 1); paint(labels, small, 1); paint(labels, hole, 0);
        const same = (a, b) => a.length === b.length && a.toSorted().every((n, at) => n === b.toSorted()[at]);
        const least = small.length * voxel / 1000;
        const result = [same(lib.islands(labels, grid, 1), small),
            lib.islands(labels, grid, 1, least * 0.99).length === 0,
            same(lib.islands(labels, grid, 1, least * 1.01), small), same(lib.holes(labels, grid, 1), hole)];
        paint(labels, lib.capsule(grid, [20, 21, 15], [20, 21, 29], 2), 0);
        return [...result, lib.holes(labels, grid, 1).length === 0, lib.holes(labels, grid, 1, 2).length > 50];"""
        )
        == [True] * 6
    )


def test_smoothing_keeps_a_ball_takes_a_spike_and_leaves_the_neighbour(page: Tab):
    found = page.run(
        """const labels = new Uint8Array(count);
        paint(labels, ball([23, 21, 15], 9), 1);
        const volume = ball([23, 21, 15], 9).length;
        paint(labels, lib.capsule(grid, [23, 21, 15], [45, 21, 15], 0.5), 1);
        paint(labels, ball([23, 36, 15], 5), 2);
        const neighbour = labels.filter((label) => label === 2).length;
        const { indices, values } = lib.smooth(labels, grid, 1, 1.5);
        paint(labels, indices, values);
        return { volume: labels.filter((label) => label === 1).length / volume, spike: labels[44 + 48 * (21 + 44 * 15)],
            neighbour: labels.filter((label) => label === 2).length - neighbour };"""
    )
    assert found["volume"] == pytest.approx(1, abs=0.02)
    assert found["spike"] == 0
    assert found["neighbour"] == 0


def test_grow_cut_finds_two_bodies_in_noise_from_a_stroke_in_each(page: Tab):
    wrong, total = page.run(
        """const data = new Int16Array(count);
        let state = 1;
        for (let n = 0; n < count; n++) { state = (state * 48271) % 2147483647; data[n] = state % 60; }
        const bodies = [ball([14, 21, 14], 8), ball([36, 21, 14], 8)];
        bodies.forEach((body, n) => body.forEach((at) => { data[at] += 500 + 300 * n; }));
        const labels = new Uint16Array(count);
        paint(labels, ball([14, 21, 14], 2), 7); paint(labels, ball([36, 21, 14], 2), 400);
        const { indices, values } = lib.growCut({ data, slope: 1, intercept: -1024 }, labels, grid, 8);
        paint(labels, indices, values);
        const truth = new Uint16Array(count);
        bodies.forEach((body, n) => body.forEach((at) => { truth[at] = [7, 400][n]; }));
        return [labels.filter((label, n) => label !== truth[n]).length, bodies[0].length + bodies[1].length];"""
    )
    assert wrong < 0.01 * total


def test_grow_cut_without_seeds_is_refused(page: Tab):
    assert (
        page.run(
            """const scan = { data: new Int16Array(count), slope: 1, intercept: 0 };
            try { lib.growCut(scan, new Uint8Array(count), grid, 5); } catch (error) { return error.message; }"""
        )
        == "no seeds"
    )


def test_heavy_tools_run_beside_the_page_and_can_be_stopped(page: Tab):
    found = page.run(
        """const labels = new Uint8Array(count);
        paint(labels, ball([23, 21, 15], 9), 1);
        const data = Int16Array.from(labels, (label) => label * 500);
        const heavy = new lib.Heavy({ data, slope: 1, intercept: 0, shape: grid.shape });
        let ticks = 0;
        const timer = setInterval(() => { ticks++; }, 1);
        const settings = { label: 1, seed: 23 + 48 * (21 + 44 * 15), range: [400, 600], through: null };
        const grown = await heavy.run("flood", labels, grid, settings);
        clearInterval(timer);
        const stopped = heavy.run("smooth", labels, grid, { label: 1, sigma_mm: 4 });
        heavy.stop();
        const result = { same: grown.indices.length === ball([23, 21, 15], 9).length, ticks, stopped: await stopped };
        const again = await heavy.run("islands", labels, grid, { label: 1, least_ml: null });
        let refused = "";
        try { await heavy.run("growCut", new Uint8Array(count), grid, { margin_mm: 5 }); }
        catch (error) { refused = error.message; }
        heavy.close();
        return { ...result, again: again.indices.length, refused };"""
    )
    assert found["same"]
    assert found["ticks"] > 0
    assert found["stopped"] is None
    assert found["again"] == 0
    assert found["refused"] == "no seeds"


@pytest.mark.parametrize(("ids", "width"), [((0, 1, 255), 1), ((0, 256, 65535), 2)])
def test_label_ids_of_two_bytes_are_kept(page: Tab, ids: tuple[int, ...], width: int):
    found = page.run(
        """const labels = lib.asLabels({ data: Int32Array.from(given), slope: 1, intercept: 0 }, []);
        return [[...labels], labels.BYTES_PER_ELEMENT, lib.idsIn(labels)];""",
        list(ids),
    )
    assert found == [list(ids), width, [i for i in ids if i]]


@pytest.mark.parametrize("bad", [0.5, -1.0, 65536.0])
def test_what_is_no_label_id_is_refused_with_its_value(page: Tab, bad: float):
    said = page.run(
        """try { lib.asLabels({ data: Float32Array.of(0, given), slope: 1, intercept: 0 }, []); }
        catch (error) { return error.message; }""",
        bad,
    )
    assert f"{bad:g}" in said


#: World axes (R, A, S) that the voxel axes i, j, k run along, and a turn about the head's axis in degrees.
POSES = [("RAS", 0), ("LPS", 0), ("PSR", 0), ("SLA", 0), ("LAS", 17), ("IPR", -25)]


def posed(code: str, degrees: float) -> Grid:
    world = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}
    turn = np.deg2rad(degrees)
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    columns = np.zeros((3, 3))
    for axis, (letter, spacing) in enumerate(zip(code, (1.5, 0.75, 2.0), strict=True)):
        columns[world[letter][0], axis] = world[letter][1] * spacing
    affine = np.eye(4)
    affine[:3, :3] = turned @ columns
    affine[:3, 3] = (-13, 42, 7)
    return Grid((7, 6, 5), affine)


@pytest.mark.parametrize(("code", "degrees"), POSES)
def test_every_orientation_is_shown_radiologically_and_found_again(page: Tab, code: str, degrees: float):
    grid = posed(code, degrees)
    found = page.run(
        """const volume = { shape: given.shape, affine: given.affine, spacing: lib.spacingOf(given.affine) };
        return lib.NAMES.map((name) => {
            const plane = lib.planeOf(volume, name);
            const world = (place) => lib.toWorld(volume.affine, lib.toVoxel(plane, place));
            const voxel = lib.toVoxel(plane, [1, 2, 3]);
            const back = lib.fromWorld(volume.affine, lib.toWorld(volume.affine, voxel));
            const [x, y, slice] = plane.steps;
            return { letters: plane.letters, corner: world([0, 0, 0]),
                right: world([1, 0, 0]), down: world([0, 1, 0]), next: world([0, 0, 1]),
                index: plane.start + x + 2 * y + 3 * slice === lib.indexOf(volume.shape, voxel),
                back: Math.max(...back.map((n, axis) => Math.abs(n - voxel[axis]))), place: lib.toPlane(plane, voxel) };
        });""",
        {"shape": list(grid.shape), "affine": grid.affine.ravel().tolist()},
    )
    for plane, (letters, axes) in zip(found, [("RLAP", "-0-1+2"), ("RLSI", "-0-2+1"), ("APSI", "-1-2+0")], strict=True):
        assert [letter[0] for letter in plane["letters"]] == list(letters)
        for way, sign, axis in zip(("right", "down", "next"), axes[::2], axes[1::2], strict=True):
            step = np.subtract(plane[way], plane["corner"])
            assert np.argmax(np.abs(step)) == int(axis)
            assert (step[int(axis)] > 0) == (sign == "+")
        assert plane["index"]
        assert plane["back"] < 1e-9
        assert plane["place"] == [1, 2, 3]


@pytest.mark.parametrize(("code", "degrees"), POSES)
def test_a_label_map_written_in_the_page_has_the_scans_place_and_every_voxel(
    page: Tab, tmp_path: Path, code: str, degrees: float
):
    truth = (np.arange(7 * 6 * 5, dtype=np.uint16) * 311).reshape(7, 6, 5)
    io.write(tmp_path / "in.nii.gz", Volume(truth, posed(code, degrees)))
    given = base64.b64encode((tmp_path / "in.nii.gz").read_bytes()).decode()
    back = page.run(
        """const bytes = Uint8Array.from(atob(given), (letter) => letter.charCodeAt(0));
        const volume = await lib.read(bytes.buffer);
        const file = await lib.asFile(lib.asLabels(volume, []), volume, volume.header);
        return btoa(String.fromCharCode(...new Uint8Array(await file.arrayBuffer())));""",
        given,
    )
    (tmp_path / "out.nii.gz").write_bytes(base64.b64decode(back))
    first, second = io.read_labels(tmp_path / "in.nii.gz"), io.read_labels(tmp_path / "out.nii.gz")
    assert np.array_equal(first.grid.affine, second.grid.affine)
    assert np.array_equal(second.array, truth)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("slice(0, 300)", "header"),
        ("slice(0, 400)", "last voxel"),
        ("fill(0, 0, 4)", "NIfTI-1"),
        ("fill(128, 70, 71)", "plain"),
    ],
)
def test_a_damaged_file_is_refused_in_words(page: Tab, damage: str, said: str):
    message = page.run(
        f"""const header = lib.headerOf([5, 5, 5], [1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1]);
        const whole = lib.write(new Uint8Array(125), [5, 5, 5], header);
        try {{ await lib.read(Uint8Array.from(whole.{damage}).buffer); }} catch (error) {{ return error.message; }}"""
    )
    assert said in message


def test_outlines_are_closed_and_run_half_a_voxel_around_a_label(page: Tab):
    found = page.run(
        """const volume = { shape: [12, 10, 1], affine: [-1,0,0,0, 0,-1,0,0, 0,0,1,0, 0,0,0,1], spacing: [1, 1, 1] };
        const plane = lib.planeOf(volume, "axial");
        const labels = new Uint8Array(120);
        for (let y = 2; y < 6; y++) for (let x = 3; x < 8; x++) labels[x + 12 * y] = x < 5 ? 1 : 2;
        labels[0] = 2;
        const ends = new Map();
        const lines = lib.outlines(labels, plane, 0);
        for (const [label, all] of lines) for (let n = 0; n < all.length; n += 2) {
            const key = `${label} ${all[n]} ${all[n + 1]}`;
            ends.set(key, (ends.get(key) ?? 0) + 1);
        }
        const across = lines.get(1).filter((_, n) => n % 2 === 0);
        return { closed: [...ends.values()].every((times) => times === 2), labels: [...lines.keys()].sort(),
            low: Math.min(...across), high: Math.max(...across) };"""
    )
    assert found == {"closed": True, "labels": [1, 2], "low": 2.5, "high": 4.5}


def test_the_error_map_counts_what_is_missed_false_agreed_and_confused(page: Tab):
    rng = np.random.default_rng(3)
    truth, judged = rng.integers(0, 3, (2, 6 * 5 * 4))
    counts, colors = page.run(
        """const volume = { shape: [6, 5, 4], affine: [1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1], spacing: [1, 1, 1] };
        const plane = lib.planeOf(volume, "coronal");
        const sum = [0, 0, 0, 0, 0];
        const colors = new Set();
        for (let slice = 0; slice < plane.depth; slice++) {
            const pixels = new Uint32Array(plane.width * plane.height);
            lib.paintErrors(given[0], given[1], plane, slice, pixels, 1).forEach((n, kind) => { sum[kind] += n; });
            pixels.forEach((pixel) => colors.add(pixel));
        }
        return [sum, colors.size];""",
        [truth.tolist(), judged.tolist()],
    )
    missed, false = (truth > 0) & (judged == 0), (truth == 0) & (judged > 0)
    agreed = (truth == judged) & (truth > 0)
    confused = (truth > 0) & (judged > 0) & (truth != judged)
    assert counts[1:] == [int(kind.sum()) for kind in (missed, false, agreed, confused)]
    assert colors == 5


def test_distances_and_angles_are_those_of_the_world(page: Tab):
    found = page.run("return [lib.distance([0, 0, 0], [2, 3, 6]), lib.angle([5, 0, 0], [0, 0, 0], [0, 0, 2])];")
    assert found == pytest.approx([7, 90])


def test_the_bone_window_turns_its_ends_black_and_white_for_every_type_of_number(page: Tab):
    ends = page.run(
        """return [Int16Array, Float32Array, Int32Array].map((Type) => {
            const grey = lib.greyOf({ data: Type.of(0), slope: 1, intercept: 50 }, lib.PRESETS.bone);
            return [-2000, -500, 250, 1000, 3000].map((number) => grey(number) & 255);
        });"""
    )
    assert ends == [[0, 0, 127, 255, 255]] * 3
