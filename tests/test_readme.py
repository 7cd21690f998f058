"""The README is true: its commands run as written, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import condyle

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_commands_run_as_written(tmp_path):
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("condyle ")]
    assert len(commands) > 5
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        shown = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert shown.returncode == 0, f"{command}\n{shown.stdout}{shown.stderr}"
    for block in blocks("python"):
        subprocess.run([sys.executable, "-c", block], cwd=tmp_path, check=True, timeout=60)


def test_the_make_targets_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)
    assert set(named) <= set(targets)
    assert {"demo", "test"} <= set(named)


def test_every_verb_stands_in_the_table():
    assert set(re.findall(r"^\| `condyle (\w+)", README, re.MULTILINE)) == set(condyle.VERBS)


def test_links_and_pictures_lead_somewhere():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert [t for t in targets if not (ROOT / t).exists()] == []
