"""A zip from a stranger does no harm: it is unpacked in a temporary folder, or refused and nothing is left."""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from condyle.errors import DataError
from condyle.io.archive import Limits, heads, unpacked


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made, so that what is left behind shows."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def refused(path: Path, match: str, scratch: Path, limits: Limits | None = None) -> None:
    with pytest.raises(DataError, match=match) as caught, unpacked(path, limits=limits):
        pytest.fail("it was unpacked")
    assert caught.value.where == str(path)
    assert list(scratch.iterdir()) == []
    others = {p.name for p in path.parent.iterdir()} - {path.name, scratch.name}
    assert others == set()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_files_come_out_under_their_names_and_are_gone_after(tmp_path: Path, scratch: Path, method: int) -> None:
    files = {"a/b/one": b"1" * 5000, "two.txt": b"", "a/é.dcm": b"3"}
    with unpacked(zipped(tmp_path / "x.zip", {"a/": b"", "empty/": b""} | files, method)) as folder:
        assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == files
        assert folder.parent == scratch
    assert list(scratch.iterdir()) == []


def test_the_folder_is_gone_after_an_error_in_the_block(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(ZeroDivisionError), unpacked(zipped(tmp_path / "x.zip", {"a": b"1"})):
        raise ZeroDivisionError
    assert list(scratch.iterdir()) == []


def test_backslashes_of_old_windows_tools_part_folders(tmp_path: Path, scratch: Path) -> None:
    with unpacked(zipped(tmp_path / "x.zip", {"a\\b.dcm": b"1"})) as folder:
        assert (folder / "a" / "b.dcm").read_bytes() == b"1"


def test_zips_within_stay_closed(tmp_path: Path, scratch: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"deep": b"1"})
    with unpacked(zipped(tmp_path / "x.zip", {"inner.zip": inner.read_bytes()})) as folder:
        assert [p.name for p in folder.rglob("*")] == ["inner.zip"]


@pytest.mark.parametrize(
    "name", ["../up", "a/../../up", "/etc/absolute", "..\\up", "\\absolute", "C:\\drive", "C:drive", "a/..", "..", "."]
)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, scratch: Path, name: str) -> None:
    path = zipped(tmp_path / "x.zip", {"fine": b"1", name: b"2"})
    refused(path, "names inside the zip's own folder", scratch)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, scratch: Path, kind: int) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    refused(tmp_path / "x.zip", "a link or device", scratch)


def test_a_name_that_comes_twice_is_refused(tmp_path: Path, scratch: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    refused(tmp_path / "x.zip", "each name once, got a twice", scratch)


def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path, scratch: Path) -> None:
    refused(zipped(tmp_path / "x.zip", {"a": b"1", "a/b": b"2"}), "a zip that can be unpacked", scratch)


def test_a_name_too_long_for_the_disk_is_refused(tmp_path: Path, scratch: Path) -> None:
    refused(zipped(tmp_path / "x.zip", {"n" * 300: b"1"}), "File name too long", scratch)


def patched(path: Path, change: Callable[[bytearray, int, int], None]) -> Path:
    """A zip of one file with bytes changed; `change` gets the offsets of its local and central headers."""
    data = bytearray(zipped(path, {"a": b"1" * 1000}).read_bytes())
    change(data, data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02"))
    path.write_bytes(data)
    return path


def test_an_encrypted_zip_is_refused(tmp_path: Path, scratch: Path) -> None:
    def encrypt(data: bytearray, local: int, central: int) -> None:
        data[local + 6] |= 1
        data[central + 8] |= 1

    refused(patched(tmp_path / "x.zip", encrypt), "without a password, got a encrypted", scratch)


def test_an_unknown_compression_is_refused(tmp_path: Path, scratch: Path) -> None:
    def unknown(data: bytearray, local: int, central: int) -> None:
        data[local + 8] = data[central + 10] = 99

    refused(patched(tmp_path / "x.zip", unknown), "a sound zip", scratch)


def test_a_wrong_checksum_is_refused(tmp_path: Path, scratch: Path) -> None:
    def wrong(data: bytearray, local: int, central: int) -> None:
        data[central + 16] ^= 0xFF

    refused(patched(tmp_path / "x.zip", wrong), "a sound zip", scratch)


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.7, 0.99])
def test_a_truncated_zip_is_refused(tmp_path: Path, scratch: Path, kept: float) -> None:
    path = zipped(tmp_path / "x.zip", {"a": bytes(range(256)) * 40, "b": b"2"})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    refused(path, "a sound zip", scratch)
    with pytest.raises(DataError, match="a sound zip"):
        list(heads(path, 10))


def test_a_declared_expansion_to_ten_gigabytes_is_refused_before_unpacking(tmp_path: Path, scratch: Path) -> None:
    def declare(data: bytearray, local: int, central: int) -> None:
        for place in (local + 22, central + 24):
            data[place : place + 4] = (4_000_000_000).to_bytes(4, "little")

    path = patched(tmp_path / "x.zip", declare)
    refused(path, "at most 268 MB unpacked, got 4000 MB", scratch)
    refused(path, "at most 1000 MB unpacked", scratch, Limits(total_bytes=10**9, ratio=1e9))


def test_a_real_bomb_is_stopped(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as file:
        for _ in range(40):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    small = Limits(free_bytes=10 << 20)
    refused(path, "unpacked", scratch, small)


def test_a_bomb_that_declares_little_gives_no_more_than_it_declares(tmp_path: Path, scratch: Path) -> None:
    def declare(data: bytearray, local: int, central: int) -> None:
        for place in (local + 22, central + 24):
            data[place : place + 4] = (5).to_bytes(4, "little")

    refused(patched(tmp_path / "x.zip", declare), "a sound zip", scratch)


def test_too_many_files_are_refused(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "x.zip", {str(n): b"" for n in range(11)})
    refused(path, "at most 10 files in a zip, got 11", scratch, Limits(count=10))


def test_an_empty_scan_that_packs_a_thousandfold_is_fine(tmp_path: Path, scratch: Path) -> None:
    with unpacked(zipped(tmp_path / "x.zip", {"a": bytes(5 << 20)})) as folder:
        assert (folder / "a").stat().st_size == 5 << 20


def test_heads_are_read_with_nothing_on_disk(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"a": b"12345", "d/b": b"6"})
    assert list(heads(path, 3)) == [b"123", b"6"]
    assert list(scratch.iterdir()) == []
