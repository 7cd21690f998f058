"""`condyle model`: look at trained models, install them, remove them, and hand them on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from condyle.errors import CondyleError, ConfigError
from condyle.models import Model, compact, find, load, save
from condyle.models.facts import facts
from condyle.models.shipped import shipped
from condyle.models.store import default_store, install, installed, named, remove
from condyle.progress import Track, silent
from condyle.workflow.shared.model_told import ModelInfo, ModelList, ModelRemoved, ModelWritten

#: What each action looks at; anything else that is given is refused.
_OPTIONS = {
    "info": {"source", "configuration", "store"},
    "list": {"store"},
    "install": {"source", "sha256", "name", "configuration", "store", "overwrite"},
    "remove": {"source", "store"},
    "export": {"source", "to", "out", "fold", "configuration", "store", "overwrite"},
}


def model(
    action: Literal["info", "list", "install", "remove", "export"],
    source: str | None = None,
    *,
    to: Literal["zip", "compact", "onnx", "openvino", "nnunet"] | None = None,
    out: Path | None = None,
    fold: str | None = None,
    sha256: str | None = None,
    name: str | None = None,
    configuration: str | None = None,
    store: Path | None = None,
    overwrite: bool = False,
    track: Track = silent,
) -> ModelInfo | ModelList | ModelWritten | ModelRemoved:
    """Look at trained models, ours and nnU-Net v2's, install them under a name, or write them for other programs.

    `info SOURCE` tells what a model is. `list` tells those that have a name: the installed ones and those that come
    with Condyle. `install SOURCE` checks a model whole and copies it into the store; `condyle segment NAME` then finds
    it, until `remove NAME`. `export SOURCE --to zip -o FILE` writes it as one file, and as other programs want it.

    Args:
        action: `info`, `list`, `install`, `remove` or `export`.
        source: A model's folder or zip; its name if it has one; for `install` also the address of a zip.
        to: `zip`: one file to hand on; `compact`: a folder whose weights are rounded and take half the room; `onnx`,
            `openvino`: a folder with a network a fold; `nnunet`: a folder that nnU-Net v2 predicts with.
        out: Where to export to.
        fold: Export this fold alone.
        sha256: Of the zip to install. An address is not fetched without it.
        name: To install under; the source's own if none is told.
        configuration: Which, where an nnU-Net folder holds several: `2d`, `3d_fullres`.
        store: The folder of installed models; `~/.condyle/models` if none is told.
        overwrite: Replace what is there.
        track: Told of downloads.

    Raises:
        ConfigError: if an option is missing, or the action does not look at it.
        DataError: if something cannot be fetched or written.
        ModelError: if there is no model, or it cannot be used.
    """
    given = {
        "source": source, "to": to, "out": out, "fold": fold, "sha256": sha256, "name": name,
        "configuration": configuration, "store": store, "overwrite": overwrite or None,
    }  # fmt: skip
    _check(action, {option for option, value in given.items() if value is not None})
    if action == "list":
        return _listed(store)
    if source is None:
        raise ConfigError(f"model {action}", expected="a model's folder, zip or name", got="none")
    if action == "install":
        path = install(
            source, sha256=sha256, name=name, configuration=configuration, store=store, overwrite=overwrite, track=track
        )
        word = path.name if store is None else path
        return ModelWritten(path, load(path).folds, f"condyle segment {word} SCANS... -o OUT")
    if action == "remove":
        return ModelRemoved(remove(source, store))
    path = find(source, store)
    found = load(path, configuration=configuration)
    if action == "info":
        return ModelInfo(path, facts(found))
    if to is None or out is None:
        raise ConfigError("model export", expected="what to write and where (--to, -o)", got="not both")
    chosen = found if fold is None else _only(found, fold)
    written = _exported(chosen, to, out, overwrite=overwrite)
    return ModelWritten(written, chosen.folds, _USES[to].format(path=written, folds=" ".join(chosen.folds)))


#: What can be done with an export.
_USES = {
    "zip": "condyle segment {path} SCANS... -o OUT",
    "compact": "condyle segment {path} SCANS... -o OUT",
    "onnx": "onnxruntime runs fold_<k>.onnx; plan.json and labels.json tell what goes in and comes out",
    "openvino": "OpenVINO runs fold_<k>.xml; plan.json and labels.json tell what goes in and comes out",
    "nnunet": "nnUNetv2_predict_from_modelfolder -m {path} -f {folds} -i SCANS -o OUT",
}


def _check(action: str, given: set[str]) -> None:
    if action not in _OPTIONS:
        raise ConfigError("model", expected=f"one of {', '.join(_OPTIONS)}", got=action)
    wrong = sorted(given - _OPTIONS[action])
    if wrong:
        fits = ", ".join(sorted(_OPTIONS[action]))
        raise ConfigError(f"model {action}", expected=f"nothing but {fits}", got=", ".join(wrong))


def _listed(store: Path | None) -> ModelList:
    models, failed = {}, {}
    for path in installed(store):
        try:
            models[path.name] = facts(load(path))
        except CondyleError as error:
            failed[path.name] = str(error)
    known = named(store)
    coming = {path.name: facts(load(path)) for path in shipped() if known[path.name] == path}
    return ModelList(store or default_store(), models, failed, coming)


def _only(found: Model, fold: str) -> Model:
    if fold not in found.folds:
        raise ConfigError("fold", expected=f"one of {', '.join(found.folds)}", got=fold)
    return replace(found, weights={fold: found.weights[fold]})


def _exported(found: Model, to: str, out: Path, *, overwrite: bool) -> Path:
    if to == "zip":
        from condyle.models.pack import pack

        pack(found, out, overwrite=overwrite)
        return out
    if to == "compact":
        save(compact(found), out, overwrite=overwrite)
        return out
    if to == "nnunet":
        from condyle.models.nnunet.export import export_nnunet

        return export_nnunet(found, out, overwrite=overwrite)
    from condyle.models.convert import convert

    convert(found, out, to, overwrite=overwrite)
    return out
