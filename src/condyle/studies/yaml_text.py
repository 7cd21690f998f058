"""YAML as people expect it: `off` is a word, `1e-4` a number, no key stands twice; and lines to point at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from condyle.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Plain data only, with the words of YAML 1.2."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if not tag.endswith((":bool", ":float", ":timestamp"))]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
_FLOAT = re.compile(r"^[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    """The data of a file, and its tree for `line_of`.

    Raises:
        ConfigError: if it cannot be read, is no YAML, has a key twice or one that is no word, or a value that contains
            itself.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, _Loader)
        _refuse_twins(node, path)
        return yaml.load(text, _Loader), node  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(path, expected="a study file", got=str(error)) from error
    except RecursionError as error:
        raise ConfigError(path, expected="YAML", got="a value that contains itself, or is nested too deep") from error
    except yaml.YAMLError as error:
        got = " ".join(str(error).split())
        raise ConfigError(path, expected="YAML", got=got) from error


def line_of(node: yaml.Node | None, keys: Sequence[str]) -> int | None:
    """The line of the last of some nested keys that is there, from 1; None if the first is not."""
    line = None
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == key), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _refuse_twins(node: yaml.Node | None, path: Path) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twins(item, path)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            hint = "Text that begins with { or [ needs quotes."
            raise ConfigError(where, expected="keys that are words", got="a list or table as a key", hint=hint)
        if key.value in seen:
            raise ConfigError(where, expected="each key once", got=f"{key.value} again")
        seen.add(key.value)
        _refuse_twins(value, path)
