"""What is vendored is what its record says, with its licence beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import condyle

FOLDER = Path(condyle.__file__).parent / "app" / "page" / "vendor" / "niivue"


def test_niivue_is_the_recorded_file_with_its_licence():
    record = (FOLDER / "VENDORED.md").read_text(encoding="utf-8")
    assert hashlib.sha256((FOLDER / "niivue.umd.js").read_bytes()).hexdigest() in record
    assert "0.69.0" in record
    assert "BSD 2-Clause License" in (FOLDER / "LICENSE").read_text(encoding="utf-8")
