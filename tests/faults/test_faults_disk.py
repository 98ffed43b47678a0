"""Failing disks and files: the application continues, and records are written when the store works again."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import baserun
from waiting import eventually

Make = Callable[[str], Any]
Messages = Callable[[], list[str]]

FULL = """
    import resource
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("before")
        assert baserun.flush(100)
        {fill}
        size = 0
        while baserun.stats().queued < 100:
            baserun.log("x" * 50_000)
            size += 1
            baserun.flush(0.01)
            assert size < 2000
        baserun.log("after")
        {free}
    until(lambda: baserun.flush(1))
    stats = closed()
    assert stats.captured == stats.stored == size + 4, (stats, size)
"""

LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, resource.RLIM_INFINITY))"


def test_files_that_cannot_grow(program: Make, messages: Messages) -> None:
    """While the system lets no file grow, records wait in memory, and are written when it does again."""
    source = FULL.format(fill=LIMIT.format(size=500_000), free=LIMIT.format(size="resource.RLIM_INFINITY"))

    status, out, err = program(source).run()

    assert (status, out) == (0, ""), err
    # Reopening the store may free a little room, so that an outage ends and begins again.
    assert err.count("Baserun cannot write its records") == err.count("Baserun writes its records again")
    assert len(err.splitlines()) < 20
    assert {"before", "after"} < set(messages())


def _mounted(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        if shutil.which("mount") is None or not _mounted(Path(folder)):
            return False
        subprocess.run(["umount", folder], check=True)
        return True


if _can_mount():  # otherwise only `test_files_that_cannot_grow` covers this

    @pytest.fixture(name="small_disk")
    def _small_disk(path: Path) -> Iterator[Path]:
        path.parent.mkdir()
        assert _mounted(path.parent)
        yield path.parent
        subprocess.run(["umount", "-l", str(path.parent)], check=True)

    def test_a_full_disk(program: Make, messages: Messages, small_disk: Path) -> None:
        """While the disk is full, records wait in memory, and are written when there is room again."""
        ballast = small_disk / "ballast"
        source = FULL.format(
            fill=f"open({str(ballast)!r}, 'wb').write(bytes(700_000))",
            free=f"os.system('mount -o remount,size=64m {small_disk}')",
        )

        status, out, err = program(source).run()

        assert (status, out) == (0, ""), err
        assert err.count("Baserun cannot write its records") == 1
        assert {"before", "after"} < set(messages())


def _obey_modes() -> None:
    """Drop the capabilities by which root ignores file modes, in the child only."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


READ_ONLY = """
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("waits")
        assert not baserun.flush(0.3)
        assert closed().queued == 2
    print("waits", flush=True)
    until(lambda: baserun.flush(1))
    assert closed().stored == 3
"""


@pytest.mark.parametrize("folder", ["read-only", "missing"])
def test_a_folder_in_which_nothing_can_be_written(
    program: Make, messages: Messages, path: Path, tmp_path: Path, folder: str
) -> None:
    """A read-only folder, or one that cannot be made, is logged once, and records are written when that is over."""
    reading = program(READ_ONLY)
    closed_folder = tmp_path if folder == "missing" else path.parent
    closed_folder.mkdir(exist_ok=True)
    closed_folder.chmod(0o500)

    process = reading.start(prepare=_obey_modes if os.geteuid() == 0 else None)
    said, waits = process.stderr.readline(), process.stdout.readline()
    closed_folder.chmod(0o700)
    err, out = process.stderr.read(), process.stdout.read()

    assert (process.wait(), waits, out) == (0, "waits\n", ""), said + err
    assert "Baserun cannot write its records" in said
    assert str(path) in said
    assert "Baserun cannot write its records" not in err
    assert messages() == ["waits"]


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def _emptied(path: Path) -> None:
    os.truncate(path, 0)


def _deleted(path: Path) -> None:
    for each in path.parent.iterdir():
        each.unlink()


def _deleted_alone(path: Path) -> None:
    path.unlink()


def _replaced(path: Path) -> None:
    copy = path.with_suffix(".copy")
    with closing(baserun.open_store(path, budget=None)) as store:
        store.verify()
    shutil.copy(path, copy)
    copy.replace(path)


def _folder_removed(path: Path) -> None:
    shutil.rmtree(path.parent)


DAMAGES = [_garbage, _emptied, _deleted, _deleted_alone, _replaced, _folder_removed]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_store_that_is_damaged_in_use(path: Path, messages: Messages, damage: Callable[[Path], None]) -> None:
    """After any damage to the store's file in use, later records are stored in an intact one."""
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("before")
        assert baserun.flush(60)
        damage(path)
        for number in range(3):
            baserun.log(f"after {number}")
            eventually(lambda: baserun.flush(1))
    eventually(lambda: baserun.flush(1))

    assert [text for text in messages() if text != "before"] == ["after 0", "after 1", "after 2"]
    assert baserun.stats().closed
    assert (baserun.stats().queued, baserun.stats().dropped) == (0, {})
