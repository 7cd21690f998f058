"""`condyle model`: models looked at, installed from anywhere but never half or unchecked, and written for others."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import condyle
import models_made as made
from condyle.config import Channel
from condyle.errors import ConfigError, DataError, ModelError
from condyle.models import find, load, save
from condyle.models.convert import _needed
from condyle.models.download import download, without_secrets
from condyle.models.nnunet.export import export_nnunet
from condyle.models.pack import pack
from condyle.models.store import default_store, install, installed
from condyle.nets.weights import load as load_net
from test_models import same, same_weights, zipped

PARAMETERS = sum(tensor.numel() for tensor in made.model().state("0").values())


@pytest.fixture
def folder(tmp_path):
    save(made.model(), tmp_path / "femur")
    return tmp_path / "femur"


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Answers(http.server.BaseHTTPRequestHandler):
    """Serves the files of a folder, and a few pages that misbehave."""

    folder: Path

    def do_GET(self) -> None:
        name = self.path.lstrip("/").partition("?")[0]
        if name.startswith("moved-to/"):
            self.send_response(302)
            self.send_header("Location", name.removeprefix("moved-to/"))
            self.end_headers()
        elif name == "endless":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * (3 << 20))
        elif name == "silent":
            self.server.waiting.wait(20)
        elif name.startswith("short/"):
            content = (self.folder / name.removeprefix("short/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
        elif (self.folder / name).is_file():
            content = (self.folder / name).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    handler = type("Here", (Answers,), {"folder": folder})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.waiting = threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.waiting.set()
            server.shutdown()
            thread.join()


def left_in(store: Path) -> list[str]:
    return sorted(f.name for f in store.iterdir()) if store.is_dir() else []


# --- installing


def test_an_installed_model_is_the_same_and_has_a_name(folder, store):
    written = condyle.model("install", str(folder), store=store)
    assert written.path == store / "femur"
    assert same(load(written.path), made.model())
    assert find("femur", store) == written.path
    assert condyle.model("info", "femur", store=store).facts["structures"] == {1: "femur_left", 2: "femur_right"}


def test_the_usual_store_is_in_the_home_folder(folder, tmp_path):
    command = [sys.executable, "-m", "condyle", "model", "install", str(folder), "--name", "mine"]
    home = os.environ | {"HOME": str(tmp_path / "home")}
    shown = subprocess.run(command, env=home, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert same(load(tmp_path / "home" / ".condyle" / "models" / "mine"), made.model())
    assert "condyle segment mine SCANS" in shown.stdout
    assert default_store() == Path.home() / ".condyle" / "models"


def test_an_nnunet_model_is_installed_as_one_of_ours_with_nothing_in_it_that_could_run(tmp_path, store):
    results = export_nnunet(made.cascade(), tmp_path / "results")
    path = install(results.parent, name="cascade", configuration="3d_cascade_fullres", store=store)
    assert {f.suffix for f in path.rglob("*") if f.is_file()} == {".json", ".md", ".safetensors"}
    assert same_weights(load(path).before, made.cascade().before)


def test_a_zip_from_the_web_is_installed_and_remembers_where_it_came_from(folder, store, tmp_path):
    path = zipped(folder, tmp_path / "knee.zip")
    steps = []

    def track(items, what):
        steps.append((what, len(items)))
        yield from items

    with served(tmp_path) as url:
        hash_ = digest(path).upper()
        written = condyle.model("install", f"{url}/moved-to//knee.zip", sha256=hash_, name="knee", store=store)
        assert same_weights(load(written.path), made.model())
        assert load(written.path).record["installed_from"] == f"{url}/moved-to//knee.zip"
        assert load(written.path).record["sha256"] == digest(path)
        second = install(f"{url}/knee.zip?token=1", sha256=hash_, name="b", store=store, track=track)
        assert load(second).record["installed_from"] == f"{url}/knee.zip"
        assert install(f"{url}/knee.zip", sha256=hash_, store=store, overwrite=True).name == "knee"
    assert ("Downloading", 2) in steps
    assert left_in(store) == ["b", "knee"]


def test_what_lets_somebody_in_is_not_written_down():
    assert without_secrets("https://me:secret@host:8/a/b.zip?token=1#x") == "https://host:8/a/b.zip"


def test_an_address_without_a_hash_is_not_fetched(store):
    with pytest.raises(ConfigError, match="sha256: expected the hash of what is to be downloaded, got none"):
        condyle.model("install", "http://127.0.0.1:9/x.zip", store=store)
    with pytest.raises(ConfigError, match="64 hexadecimal digits, got 'abc'"):
        condyle.model("install", "http://127.0.0.1:9/x.zip", sha256="abc", store=store)
    for address in ("ftp://x/y.zip", "file:///etc/passwd", "http://", "http://[::1/x.zip"):
        with pytest.raises(ConfigError, match="one that starts with https://"):
            install(address, sha256="0" * 64, store=store)
    assert left_in(store) == []


def test_another_file_than_the_one_that_was_told_leaves_nothing(folder, store, tmp_path):
    path = zipped(folder, tmp_path / "knee.zip")
    with served(tmp_path) as url, pytest.raises(DataError, match=r"a file of SHA-256 0000.*damaged or was exchanged"):
        install(f"{url}/knee.zip", sha256="0" * 64, store=store)
    with pytest.raises(DataError, match="a file of SHA-256 0000"):
        install(path, sha256="0" * 64, store=store)
    assert left_in(store) == []
    assert install(path, sha256=digest(path), store=store).name == "knee"
    with pytest.raises(ConfigError, match="a zip: a folder has no hash"):
        install(folder, sha256=digest(path), store=store)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("nothing.zip", "expected a file, got 404"),
        ("short/knee.zip", r"expected \d+ bytes, as the server said, got \d+"),
        ("moved-to/file:///etc/passwd", "got 302"),
        ("moved-to/ftp://127.0.0.1/x.zip", "unknown url type: ftp"),
        ("endless", "expected a file of SHA-256"),
    ],
)
def test_a_server_that_does_not_give_the_file_is_told_of(folder, store, tmp_path, page, message):
    path = zipped(folder, tmp_path / "knee.zip")
    with served(tmp_path) as url, pytest.raises(DataError, match=message):
        install(f"{url}/{page}", sha256=digest(path), name="knee", store=store)
    assert left_in(store) == []


def test_a_server_that_is_silent_or_gives_too_much_is_left(folder, tmp_path):
    zipped(folder, tmp_path / "knee.zip")
    with served(tmp_path) as url:
        with pytest.raises(DataError, match=r"expected a file, got .*timed out"):
            download(f"{url}/silent", tmp_path / "a", sha256="0" * 64, timeout_s=0.2)
        with pytest.raises(DataError, match="at most 0 MB"):
            download(f"{url}/knee.zip", tmp_path / "b", sha256="0" * 64, limit_bytes=100)
        with pytest.raises(DataError, match="expected at most 2 MB, got more"):
            download(f"{url}/endless", tmp_path / "c", sha256="0" * 64, limit_bytes=2 << 20)
    with pytest.raises(DataError, match="Connection refused"):
        download(f"{url}/knee.zip", tmp_path / "d", sha256="0" * 64)


def test_a_zip_that_leaves_its_folder_or_is_a_bomb_is_not_installed(folder, store, tmp_path):
    path = zipped(folder, tmp_path / "traversal.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.json", "{}")
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("plan.json", "w") as sink:
        for _ in range(300):
            sink.write(bytes(1 << 20))
    with pytest.raises(DataError, match="names inside the zip's own folder"):
        install(path, store=store)
    with pytest.raises(DataError, match=r"expected at most .* MB unpacked, got 315 MB"):
        install(bomb, store=store)
    assert left_in(store) == []
    assert not list(tmp_path.rglob("outside.json"))


def test_a_model_with_one_broken_fold_is_not_installed(folder, store):
    file = folder / "fold_1.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"fold_1\.safetensors: expected a sound safetensors file"):
        install(folder, store=store)
    assert left_in(store) == []


def test_a_malicious_checkpoint_is_not_installed(tmp_path, store):
    class Runs:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'was_here'}",)

    results = export_nnunet(made.model(), tmp_path / "results")
    file = results / "fold_1" / "checkpoint_final.pth"
    torch.save({**torch.load(file), "logging": Runs()}, file)
    with pytest.raises(ModelError, match=r"checkpoint_final\.pth: .*Nothing of it was run"):
        install(results, store=store)
    assert left_in(store) == []
    assert not (tmp_path / "was_here").exists()


def test_a_taken_or_impossible_name_is_refused(folder, store):
    install(folder, store=store)
    with pytest.raises(DataError, match="no file of that name"):
        install(folder, store=store)
    save(made.model(card="new\n"), folder, overwrite=True)
    assert load(install(folder, store=store, overwrite=True)).card == "new\n"
    for name in ("../x", "a/b", ".hidden", "a b"):
        with pytest.raises(ConfigError, match="a name of letters, digits"):
            install(folder, name=name, store=store)
    (folder.parent / "file").write_text("")
    with pytest.raises(DataError, match="to be able to write"):
        install("http://127.0.0.1:9/x.zip", sha256="0" * 64, store=folder.parent / "file" / "store")


# --- looking


def test_the_list_tells_what_is_installed_and_what_is_broken(folder, store):
    assert str(condyle.model("list", store=store)).splitlines()[0] == f"{store}: no models"
    install(folder, name="a", store=store)
    install(folder, name="b", store=store)
    (store / "b" / "plan.json").write_text("{")
    (store / "notes").mkdir()
    listed = condyle.model("list", store=store)
    assert list(listed.models) == ["a"]
    assert listed.exit_code == 1
    assert "a                        femur_left, femur_right (plain_unet, 3-D, 2 stages, 2 folds)" in str(listed)
    assert "b                        cannot be used: " in str(listed)
    assert json.loads(json.dumps(listed.to_json()))["models"]["a"]["parameters"] == PARAMETERS
    assert [f.name for f in installed(store)] == ["a", "b"]


def test_a_path_comes_before_a_name_and_an_unknown_name_is_told_what_there_is(folder, store):
    install(folder, name="knee", store=store)
    assert find(folder, store) == folder
    with pytest.raises(ModelError, match=r"the name of a model \(.*knee\), got nothing of that name"):
        find("hip", store)
    assert find("knee", store) == store / "knee"


def test_info_tells_all_of_a_model_ours_or_nnunets(folder, tmp_path):
    told = condyle.model("info", str(folder))
    assert told.facts["spacing_mm"] == [2.5, 0.7, 0.8]
    assert told.facts["record"]["cases"] == 12
    assert f"parameters      {PARAMETERS:,}" in str(told)
    assert "structures      1: femur_left, 2: femur_right" in str(told)
    results = export_nnunet(made.cascade(), tmp_path / "results")
    told = condyle.model("info", str(results))
    assert told.facts["stage_before"]["record"]["configuration"] == "3d_lowres"
    assert "stage_before\n    network" in str(told)
    assert json.loads(json.dumps(told.to_json()))["folds"] == ["0", "1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", "x", "--name", "y"), "model info: expected nothing but configuration, source, store, got name"),
        (("list", "x"), "model list: expected nothing but store, got source"),
        (("info",), "expected a model's folder, zip or name, got none"),
        (("export", "FOLDER"), r"what to write and where \(--to, -o\)"),
        (("export", "FOLDER", "--to", "zip", "-o", "x.zip", "--fold", "7"), "fold: expected one of 0, 1, got 7"),
        (("export", "FOLDER", "--to", "nnunet", "--sha256", "0"), "nothing but .* got sha256"),
    ],
)
def test_what_an_action_does_not_look_at_is_refused(folder, arguments, message, tmp_path):
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    names = {"--name": "name", "--to": "to", "-o": "out", "--fold": "fold", "--sha256": "sha256"}
    given = {names[k]: Path(tmp_path / v) if k == "-o" else v for k, v in options.items()}
    with pytest.raises(ConfigError, match=message):
        condyle.model(*(str(folder) if a == "FOLDER" else a for a in arguments[:2]), **given)
    with pytest.raises(ConfigError, match="model: expected one of info, list, install, remove, export, got delete"):
        condyle.model("delete")


# --- handing on


def test_a_packed_model_is_the_same_and_packs_to_the_same_bytes(folder, tmp_path):
    written = condyle.model("export", str(folder), to="zip", out=tmp_path / "a.zip")
    assert same(load(written.path), made.model())
    pack(load(written.path), tmp_path / "again" / "a.zip")
    assert digest(tmp_path / "a.zip") == digest(tmp_path / "again" / "a.zip")
    with pytest.raises(DataError, match="no file of that name"):
        condyle.model("export", str(folder), to="zip", out=tmp_path / "a.zip")
    assert left_in(tmp_path / "again") == ["a.zip"]


def test_one_fold_is_exported_alone(folder, tmp_path):
    written = condyle.model("export", str(folder), to="zip", out=tmp_path / "a.zip", fold="1")
    assert written.folds == load(tmp_path / "a.zip").folds == ("1",)
    state, expected = load(tmp_path / "a.zip").state("1"), made.model().state("1")
    assert all(torch.equal(state[name], expected[name]) for name in expected)


def test_an_export_for_nnunet_loads_as_one_of_its(folder, tmp_path):
    written = condyle.model("export", str(folder), to="nnunet", out=tmp_path / "out")
    assert load(written.path).plan == made.plan()
    assert f"nnUNetv2_predict_from_modelfolder -m {written.path} -f 0 1 -i" in str(written)


def _onnx(path: Path, x: np.ndarray) -> np.ndarray:
    runtime = pytest.importorskip("onnxruntime")
    return runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"window": x})[0]


def _openvino(path: Path, x: np.ndarray) -> np.ndarray:
    openvino = pytest.importorskip("openvino")
    precise = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(path, "CPU", precise)([x])[0]


RESIDUAL = made.net(
    kind="residual_unet", dim=2, in_channels=2, kernels=((3, 3),) * 2, strides=((1, 1), (2, 2)), out_channels=3
)


@pytest.mark.parametrize(
    ("kind", "suffix", "answer", "net"),
    [
        ("onnx", ".onnx", _onnx, made.net()),
        ("onnx", ".onnx", _onnx, RESIDUAL),
        ("openvino", ".xml", _openvino, made.net()),
    ],
)
def test_a_converted_network_gives_the_same_logits(tmp_path, kind, suffix, answer, net):
    pytest.importorskip(kind)
    channels = tuple(Channel(name, "zscore") for name in "ab"[: net.in_channels])
    plan = made.plan(net=net, channels=channels, patch=(16, 16, 16)[: net.dim], mirror=(), spacing_mm=(None, 1.0, 1.0))
    model = made.model(plan=plan)
    save(model, tmp_path / "model")
    out = tmp_path / kind
    condyle.model("export", str(tmp_path / "model"), to=kind, out=out, fold="1")
    assert {"plan.json", "labels.json", "card.md", f"fold_1{suffix}"} <= {f.name for f in out.iterdir()}
    x = torch.randn((1, net.in_channels, *plan.patch), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = load_net(net, model.state("1"))(x).numpy()
    assert np.abs(answer(out / f"fold_1{suffix}", x.numpy()) - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_converted_cascade_has_both_its_stages(tmp_path):
    pytest.importorskip("openvino")
    model = made.cascade()
    first = replace(model.before, weights={"0": model.before.weights["0"]})
    save(replace(model, before=first), tmp_path / "cascade")
    condyle.model("export", str(tmp_path / "cascade"), to="openvino", out=tmp_path / "out", fold="0")
    for stage in (tmp_path / "out", tmp_path / "out" / "before"):
        assert {"plan.json", "fold_0.xml", "fold_0.bin"} <= {f.name for f in stage.iterdir()}


def test_a_package_that_is_missing_is_named():
    with pytest.raises(ConfigError, match=r"expected no_such_package to be installed, got none\. Install it: pip"):
        _needed("no_such_package")


def test_nnunet_itself_predicts_with_an_exported_model(tmp_path):
    """Where nnU-Net is installed."""
    module = pytest.importorskip("nnunetv2.inference.predict_from_raw_data")
    folder = export_nnunet(made.model(), tmp_path)
    predictor = module.nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), ("0", "1"))
    x = torch.randn((1, 1, 8, 16, 16), generator=torch.Generator().manual_seed(1))
    for fold, parameters in zip(("0", "1"), predictor.list_of_parameters, strict=True):
        predictor.network.load_state_dict(parameters)
        with torch.inference_mode():
            expected = load_net(made.net(), made.model().state(fold))(x)
            assert torch.allclose(predictor.network.eval()(x), expected, rtol=1e-5, atol=1e-4)
    assert predictor.predict_logits_from_preprocessed_data(torch.zeros(1, 12, 20, 24)).shape == (3, 12, 20, 24)
    shutil.rmtree(folder)
