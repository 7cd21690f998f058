"""A study's folder: what it was begun with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from condyle.config import from_json, to_json
from condyle.errors import ConfigError, DataError
from condyle.io.atomic import atomic_file
from condyle.studies import Study, expand

#: What makes a folder one of a study.
FILE = "study.json"


def default_folder(study: Study) -> Path:
    """`lang`, `lang-tiny`: in the folder one is in."""
    return Path(study.name if study.scale == "full" else f"{study.name}-{study.scale}")


def begun(folder: Path) -> Study:
    """The study of a folder.

    Raises:
        DataError: if none was begun there, or its file is broken.
    """
    path = folder / FILE
    if not path.is_file():
        hint = "Begin with condyle study run."
        raise DataError(folder, expected=f"a study's folder, with a {FILE}", got="none", hint=hint)
    try:
        return from_json(Study, json.loads(path.read_text(encoding="utf-8")), str(path))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(path, expected="a study", got=str(error)) from error


def begin(study: Study, folder: Path) -> None:
    """Begin a study in a folder, or go on with the one that is there, which may have grown.

    Comparisons whose candidates are others now are removed, to be made anew. A training or anything else that would
    become another is refused.

    Raises:
        ConfigError: if the folder holds another study, or one whose steps would change.
        DataError: if the folder holds other things, or cannot be written.
    """
    if (folder / FILE).is_file():
        before = {step.id: step for step in expand(begun(folder))}
        changed = [s for s in expand(study) if s.id in before and before[s.id].command != s.command]
        for step in changed:
            if step.kind != "compare":
                hint = "Take another folder (-o), or remove this one."
                raise ConfigError(folder, expected=str(before[step.id]), got=str(step), hint=hint)
        for step in changed:
            shutil.rmtree((folder / step.makes).parent, ignore_errors=True)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(folder, expected="a new folder, or one of a study", got="other things")
    with atomic_file(folder / FILE, overwrite=True) as temporary:
        temporary.write_text(json.dumps(to_json(study), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
