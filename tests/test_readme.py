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


def run(command: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shown = subprocess.run(
        ["bash", "-c", command],
        cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert shown.returncode == 0, f"{command}\n{shown.stdout}{shown.stderr}"


def test_one_command_is_enough_for_a_scan_of_ones_own(bones, tmp_path):
    (command,) = blocks("sh")[0].splitlines()
    run("condyle phantom proximal_femur own --count 1 --spacing 2 2 2", tmp_path)
    run("mv own/images/*/*.nii.gz scan.nii.gz", tmp_path)
    run(command, tmp_path)
    assert (tmp_path / "bones.nii.gz").is_file()


def test_the_commands_run_as_written(tmp_path):
    commands = [line for block in blocks("sh")[1:] for line in block.splitlines() if line.startswith("condyle ")]
    assert len(commands) > 5
    for command in commands:
        run(command, tmp_path)
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


def test_every_screen_of_the_app_is_shown_in_light_and_dark():
    screens = re.search(r"^SCREENS = \((.*)\)", (ROOT / "tools/app-pictures").read_text(encoding="utf-8"), re.MULTILINE)
    assert screens is not None
    wanted = {f"pictures/app-{name}-{scheme}.png" for name in screens[1].replace('"', "").split(", ")
              for scheme in ("light", "dark")}  # fmt: skip
    shown = set(re.findall(r'(?:src|srcset)="([^"]+)"', (ROOT / "docs/app.md").read_text(encoding="utf-8")))
    assert shown == wanted
    assert [picture for picture in sorted(shown) if not (ROOT / "docs" / picture).is_file()] == []
