"""`condyle report`: the numbers, the pixels and the words of the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from condyle import io
from condyle.errors import ConfigError, DataError
from condyle.reports.block import VOXELS, block_of
from condyle.reports.case import PREDICTION, TRUTH, CaseMasks, Structure
from condyle.reports.colored import colored_surface
from condyle.reports.document import page
from condyle.reports.figures import case_figure, save
from condyle.reports.judged import Content, Judged
from condyle.reports.moved import moved
from condyle.reports.pack import packed, script_json
from condyle.reports.plots import Row, box_of, histogram, span_of, spread, ticks
from condyle.space import Grid, Volume, reorient
from condyle.workflow.evaluate import evaluate
from condyle.workflow.report import report
from datasets import small_dataset
from report_cases import GRID, NAMES, RIGHT, ball, embedded, folders, labels, scan, unpacked


class Scores(HTMLParser):
    """Cells of the table of cases: what was measured, by case and structure."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str | None]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self.inside = given.get("class") == "sortable"
        if self.inside and tag == "tr":
            self.rows.append([])
        if self.inside and "data-value" in given:
            self.rows[-1].append(given["data-value"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], str]:
    where = folders(tmp_path_factory.mktemp("report"))
    out = where["truth"].parent / "page.html"
    result = report(where["model"], where["truth"], out=out, images=where["images"], names=NAMES, processes=1)
    assert (result.cases, result.exit_code) == (3, 0)
    return where, out.read_text(encoding="utf-8")


def test_the_page_holds_all_it_needs(made: tuple[dict[str, Path], str]):
    text = made[1]
    assert not re.search(r"https?://|//cdn|\bsrc=|@import|url\(|<iframe|<object|fetch\(|XMLHttpRequest|WebSocket", text)
    assert re.findall(r'<link [^>]*href="([^"]*)"', text) == ["data:,"]
    assert "default-src 'none'" in text


def test_the_numbers_are_those_of_evaluate(made: tuple[dict[str, Path], str]):
    where, text = made
    scores = evaluate(where["model"], where["truth"], names=NAMES, processes=1).to_json()
    parser = Scores()
    parser.feed(text)
    rows = [row for row in parser.rows if row]
    shown = [tuple(None if v == "" else float(v or 0) for v in row[1:]) for row in rows]
    keys = ("dice", "assd_mm", "hd95_mm", "surface_dice", "volume_error_percent")
    assert shown == [tuple(score[key] for key in keys) for case in scores["cases"].values() for score in case.values()]
    means = re.findall(
        r'data-score="(\w+)" data-value="([^"]+)">[^<]*(?:<small>|</td>)', text.split('class="sortable"')[0]
    )
    assert means
    for structure, n in (("femur_right", 0), ("patella", 1)):
        told = dict(means[n * len(means) // 2 : (n + 1) * len(means) // 2])
        assert {key: float(v) for key, v in told.items()} == {
            key: scores["summary"][structure][key]["mean"] for key in told
        }


def test_the_codes_of_the_error_map_are_truth_against_prediction(made: tuple[dict[str, Path], str]):
    where, text = made
    for case in embedded(text)[1]:
        truth, model = (
            reorient(io.read_labels(where[w] / f"{case['id']}.nii.gz"), "LPS").array for w in ("truth", "model")
        )
        for structure in case["structures"]:
            id_ = NAMES[structure["name"]]
            codes = unpacked(structure["codes"], "u1", tuple(structure["shape"]))
            for kind, expected in ((1, (truth == id_) & (model != id_)), (2, (truth != id_) & (model == id_))):
                assert np.count_nonzero(codes == kind) == np.count_nonzero(expected)
            found = np.argwhere((truth == id_) | (model == id_)).min(0)
            first = np.argwhere(codes > 0).min(0)
            at = tuple(slice(a, a + n) for a, n in zip(found - first, structure["shape"], strict=True))
            assert np.array_equal(codes & 1, (truth == id_)[at])
            assert np.array_equal(codes >> 1, (model == id_)[at])


def test_the_patients_right_comes_first_along_a_row(made: tuple[dict[str, Path], str]):
    for case in embedded(made[1])[1]:
        middle = {s["name"]: s["start"][0] + s["shape"][0] / 2 for s in case["structures"]}
        assert middle["femur_right"] < middle["patella"]
        image = unpacked(case["image"], "u1", tuple(case["shape"]))
        assert image[: case["shape"][0] // 2].mean() > image[case["shape"][0] // 2 :].mean()


def test_the_worst_case_comes_first(made: tuple[dict[str, Path], str]):
    assert [case["id"] for case in embedded(made[1])[1]] == ["c", "b", "a"]


def test_names_from_files_are_never_code(tmp_path: Path):
    where = folders(tmp_path, ("<script>alert(1)<", "b & $x^2$"))
    names = {"</script><img onerror=alert(2)>": 1, "patella": 2}
    out = tmp_path / "page.html"
    report(where["model"], where["truth"], out=out, names=names, processes=1)
    text = out.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<img" not in text
    assert text.count("<script") == text.count("</script>") == 8
    assert {case["id"] for case in embedded(text)[1]} == {"<script>alert(1)<", "b & $x^2$"}
    assert "</" not in script_json({"a": "</script><!--"})


def test_a_page_of_masks_alone_one_case_and_nothing_found(tmp_path: Path):
    io.write(tmp_path / "truth.nii.gz", labels())
    io.write(tmp_path / "model.nii.gz", labels().with_array(np.zeros(GRID.shape, np.uint8)))
    report(tmp_path / "model.nii.gz", tmp_path / "truth.nii.gz", out=tmp_path / "page.html", names=NAMES)
    setup, cases = embedded((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert setup["models"] == ["model"]
    assert cases[0]["image"] is None
    assert all(s["surfaces"][0]["shows"] == TRUTH for s in cases[0]["structures"])
    assert all("missed by" in sentence for sentence in cases[0]["text"])


def test_a_case_where_nobody_labelled_anything_is_shown_as_such(tmp_path: Path):
    where = folders(tmp_path, ("a",))
    empty = labels().with_array(np.zeros(GRID.shape, np.uint8))
    for name in ("truth", "model"):
        io.write(where[name] / "z.nii.gz", empty)
    report(where["model"], where["truth"], out=tmp_path / "page.html", names=NAMES, processes=1, images=where["images"])
    _, cases = embedded((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert (cases[1]["id"], cases[1]["structures"], cases[1]["text"]) == ("z", [], [])
    assert "Neither mask" in cases[1]["notes"][0]


def test_a_second_prediction_has_its_own_bit_surface_and_row(tmp_path: Path):
    where = folders(tmp_path, ("a", "b"))
    out = tmp_path / "page.html"
    report(where["model"], where["truth"], other=where["rival"], out=out, names=NAMES, processes=1, cases=1)
    text = out.read_text(encoding="utf-8")
    setup, cases = embedded(text)
    assert setup["models"] == ["model", "rival"]
    assert len(cases) == 1
    femur = cases[0]["structures"][0]
    codes = unpacked(femur["codes"], "u1", tuple(femur["shape"]))
    rival = io.read_labels(where["rival"] / f"{cases[0]['id']}.nii.gz").array
    assert np.count_nonzero(codes & 4) == np.count_nonzero(rival == 1)
    assert len(femur["surfaces"]) == 2
    assert "femur_right: too few patients for an interval of the difference in Dice" in text


def test_label_sets_of_a_dataset_bring_their_scans(tmp_path: Path):
    dataset = small_dataset(tmp_path / "d", ("a", "b"))
    sets = sorted(dataset.label_sets)
    report(dataset.folder, label_sets=(sets[0], sets[0]), out=tmp_path / "page.html", processes=1)
    setup, cases = embedded((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert setup["symmetric"]
    assert all(case["image"] is not None for case in cases)
    assert all("the same, voxel by voxel" in sentence for case in cases for sentence in case["text"])


def test_one_file_a_structure_is_shown_like_one_map(tmp_path: Path):
    for name, volume in (("truth", labels()), ("model", labels(9.0))):
        io.write(tmp_path / name / "a" / "femur_right.nii.gz", volume.with_array((volume.array == 1).astype(np.uint8)))
    report(tmp_path / "model", tmp_path / "truth", out=tmp_path / "page.html", processes=1)
    structure = embedded((tmp_path / "page.html").read_text(encoding="utf-8"))[1][0]["structures"][0]
    codes = unpacked(structure["codes"], "u1", tuple(structure["shape"]))
    assert np.count_nonzero(codes & TRUTH) == np.count_nonzero(labels().array == 1)
    assert np.count_nonzero(codes & PREDICTION) == np.count_nonzero(labels(9.0).array == 1)


def test_cases_that_fail_and_files_without_a_partner_are_told_on_the_page(tmp_path: Path):
    where = folders(tmp_path, ("a", "b"))
    io.write(where["truth"] / "lonely.nii.gz", labels())
    shifted = np.array(GRID.affine)
    shifted[:3, 3] += 5
    io.write(where["model"] / "b.nii.gz", Volume.of(labels().array, shifted), overwrite=True)
    result = report(where["model"], where["truth"], out=tmp_path / "page.html", names=NAMES, processes=1)
    assert (result.exit_code, result.viewed) == (1, ("a",))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "lonely: a reference without prediction" in text
    assert "mm apart" in text


def test_what_does_not_go_together_is_refused(tmp_path: Path):
    where = folders(tmp_path, ("a", "b"))
    given = {"out": tmp_path / "page.html", "names": NAMES, "processes": 1}
    with pytest.raises(ConfigError, match="a folder, as there are 2 cases"):
        report(where["model"], where["truth"], images=where["images"] / "a_0000.nii.gz", **given)
    with pytest.raises(ConfigError, match="cases"):
        report(where["model"], where["truth"], cases=-1, **given)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="symbolic links"):
        report(where["model"], where["truth"], figures=tmp_path / "loop", **given)
    (tmp_path / "far").mkdir()
    far = np.array(GRID.affine)
    far[:3, 3] += 500
    io.write(tmp_path / "far" / "a.nii.gz", Volume.of(scan().array, far))
    with pytest.raises(DataError, match="an image where the masks are"):
        report(where["model"], where["truth"], images=tmp_path / "far", **given)
    assert not (tmp_path / "page.html").exists()


def test_figures_for_a_paper_come_as_png_and_svg(tmp_path: Path):
    where = folders(tmp_path, ("a",))
    given = {"names": NAMES, "structures": ("patella",), "images": where["images"], "processes": 1}
    result = report(where["model"], where["truth"], out=tmp_path / "page.html", figures=tmp_path / "figures", **given)
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {path.name for path in result.figures}
    assert {"spread_dice.svg", "histogram_assd_mm.png", "contours_a.png", "errors_a.svg"} <= names
    png = (tmp_path / "figures" / "errors_a.png").read_bytes()
    assert round(int.from_bytes(png[png.index(b"pHYs") + 4 :][:4], "big") * 0.0254) == 300


def test_the_same_data_give_the_same_figure_whatever_the_case_is_called(tmp_path: Path):
    block = block_of(one_case(ball(RIGHT, 10), ball(RIGHT, 9), GRID))
    for run in ("one", "two"):
        save(case_figure("<b> & $x^2$", block, "$truth", "model$", errors=True), tmp_path / run)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "$x^2$" in (tmp_path / "one.svg").read_text(encoding="utf-8")


def test_the_same_data_give_the_same_page(made: tuple[dict[str, Path], str], tmp_path: Path):
    where, text = made
    given = {"names": NAMES, "images": where["images"], "processes": 1}
    report(where["model"], where["truth"], out=tmp_path / "page.html", **given)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text


def one_case(truth: np.ndarray, prediction: np.ndarray, grid: Grid, image: Volume | None = None) -> CaseMasks:
    volumes = [reorient(Volume(mask.astype(np.uint8), grid), "LPS") for mask in (truth, prediction)]
    structure = Structure.of("ball", volumes[0].array, volumes[1].array, None)
    return CaseMasks("a", volumes[0].grid, (structure,), image)


def test_voxels_without_a_value_are_black_and_windows_are_by_the_rest():
    values = scan().array.astype(np.float32)
    values[0] = np.nan
    image = block_of(one_case(ball(RIGHT, 10), ball(RIGHT, 9), GRID, Volume(values, GRID))).image
    assert image is not None
    assert image.max() > 100


def test_slices_tell_where_they_lie_in_the_patient(made: tuple[dict[str, Path], str]):
    for case in embedded(made[1])[1]:
        femur = case["structures"][0]
        middle = np.array(femur["start"]) + (np.array(femur["shape"]) - 1) / 2
        place = np.array(case["first_mm"]) + middle * case["step_mm"]
        assert np.allclose(place, RIGHT, atol=4)


def test_a_coarsened_block_keeps_the_budget_the_place_and_the_volume():
    case = one_case(ball(RIGHT, 11), ball(RIGHT, 9), GRID, scan())
    block = block_of(case, voxels=4000)
    assert np.prod(block.grid.shape) <= 4000
    assert not block.exact
    assert block_of(case, voxels=VOXELS).exact
    [ball_] = block.structures
    ml = ball_.mask(TRUTH).sum() * block.grid.voxel_volume_mm3
    assert ml == pytest.approx(4 / 3 * np.pi * 11**3, rel=0.1)
    middle = np.argwhere(ball_.mask(TRUTH)).mean(0) + ball_.box.start
    assert np.allclose(block.grid.to_world(middle), RIGHT, atol=1.0)
    assert block.image is not None
    assert block.image[tuple(np.rint(middle).astype(int))] > 2 * block.image.mean()


def test_a_larger_ball_is_everywhere_as_far_outside_as_its_radius_says():
    grid = Grid((44, 44, 44), np.diag([1.0, 1, 1, 1]))
    centre = (21.5, 21.5, 21.5)
    for radius, expected in ((16, 3.0), (10, -3.0)):
        case = one_case(ball(centre, 13, grid), ball(centre, radius, grid), grid)
        colored = colored_surface(case.structures[0], case.grid)
        assert colored is not None
        assert np.nanmean(colored.signed_mm) == pytest.approx(expected, abs=0.1)
        assert np.isfinite(colored.signed_mm).all()
        assert len(colored.surface.triangles) <= 20_000


def test_what_moved_is_told_in_ml_and_halves():
    grown = ball(RIGHT, 10) | ball((RIGHT[0], RIGHT[1], RIGHT[2] + 6), 10)
    case = one_case(ball(RIGHT, 10), grown, GRID)
    what = moved(case.structures[0], case.grid)
    assert what.added_where == ("upper",)
    assert what.removed_ml == 0
    assert what.added_ml == pytest.approx((grown.sum() - ball(RIGHT, 10).sum()) * 8 / 1000)
    case = one_case(ball(RIGHT, 10), ball((RIGHT[0] - 6, RIGHT[1] + 6, RIGHT[2]), 10), GRID)
    what = moved(case.structures[0], case.grid)
    assert set(what.added_where) == {"left", "anterior"}
    assert set(what.removed_where) == {"right", "posterior"}


def test_the_face_where_the_field_of_view_cuts_has_no_distance():
    grid = Grid((30, 30, 20), np.eye(4))
    index = np.indices(grid.shape)
    cylinder = np.hypot(index[0] - 14.5, index[1] - 14.5) < 9
    case = one_case(cylinder, np.hypot(index[0] - 14.5, index[1] - 14.5) < 10, grid)
    colored = colored_surface(case.structures[0], case.grid)
    assert colored is not None
    on_lid = (colored.surface.points_mm[:, 2] < -0.01) | (colored.surface.points_mm[:, 2] > 19.01)
    assert on_lid.any()
    assert np.array_equal(np.isnan(colored.signed_mm), on_lid)
    assert np.nanmean(colored.signed_mm) == pytest.approx(1.0, abs=0.15)


def test_arrays_survive_packing():
    array = np.random.default_rng(0).integers(-9, 9, (3, 4, 5)).astype(np.int16)
    assert np.array_equal(unpacked(packed(array), "i2", array.shape), array)
    with pytest.raises(ValueError, match="JSON"):
        script_json({"a": float("nan")})


def test_ticks_are_round_and_span_the_data():
    assert ticks(0.0, 1.0) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    for low, high in ((0.9843, 0.9871), (-3.0, 17.0), (5.0, 5.0), (0.0, 0.0), (1.5, 1.5 + 1e-15), (-3e-9, 2e-9)):
        marks = ticks(*span_of((low, high)))
        assert marks[0] <= low <= high <= marks[-1]
        assert len(set(marks)) == len(marks)
        assert 2 <= len(marks) <= 9
    assert ticks(*span_of((0.0, 0.0)))[0] == 0  # no Dice below 0


def test_cases_that_differ_by_rounding_alone_can_be_drawn():
    rows = [Row("femur", [("a", 0.97), ("b", 0.97 + 1e-16), ("c", 0.97 - 1e-16)]), Row("patella", [], "3 missed")]
    assert spread(rows, "Dice").count("<circle") == histogram(rows, "Dice").count("<rect") * 3 == 3
    assert histogram(rows[1:], "Dice") == ""


def test_whiskers_end_at_the_last_case_within_reach():
    assert box_of([1, 2, 3, 4, 5, 100]) == (1, 2.25, 3.5, 4.75, 5)
    assert box_of([0, 10, 10.1, 10.2]) == (7.5, 7.5, 10.05, 10.125, 10.2)


def test_a_page_without_any_case_or_viewer_is_still_a_page():
    content = Content("truth", Judged("model", {}, {}, {}))
    text = page(content, [], scale_mm=1.0, version="0")
    assert "No case was chosen" in text
    noted = page(replace(content, notes=("x: no partner",)), [], scale_mm=1.0, version="0")
    assert "x: no partner" in noted
    assert json.loads(script_json({"a": "\u2028<"})) == {"a": "\u2028<"}
