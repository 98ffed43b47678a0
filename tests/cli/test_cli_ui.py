"""``baserun ui``: who can reach the pages, and messages about what keeps it from starting."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

pytest.importorskip("uvicorn")
pytest.importorskip("jinja2")

RUN = "from baserun.cli import main; main()"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_other_addresses_need_a_key(run: Callable[..., Result], host: str) -> None:
    """On an address that others can reach, `ui` refuses to start without a key."""
    answer = run("ui", "--no-browser", "--host", host)

    assert answer.exit_code == 1
    assert "BASERUN_UI_KEY" in answer.stderr


def test_a_key_must_be_long(run: Callable[..., Result]) -> None:
    """A short key is refused, with a command that makes a long one."""
    answer = run("ui", "--no-browser", "--host", "0.0.0.0", "--key", "short")

    assert answer.exit_code == 1
    assert "secrets.token_urlsafe" in answer.stderr


def test_two_stores(run: Callable[..., Result]) -> None:
    """A store as argument and another as option are refused, and both named."""
    answer = run("ui", "one.sqlite3", "--store", "two.sqlite3", "--no-browser")

    assert answer.exit_code == 2
    assert "There are two stores, one.sqlite3 and two.sqlite3; name one." in answer.stderr


@pytest.mark.parametrize("name", ["http://logs.example.com", "logs.example.com:4320"])
def test_a_hostname_is_a_name(run: Callable[..., Result], name: str) -> None:
    """A URL or a port in `--hostname` is refused, as no visitor would get in by it."""
    answer = run("ui", "--hostname", name, "--no-browser")

    assert answer.exit_code == 1
    assert f"without scheme, port and '*', not '{name}'" in answer.stderr


def test_a_port_that_is_taken_is_named(run: Callable[..., Result]) -> None:
    """When the port is taken, the error names it and the option to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        answer = run("ui", "--no-browser", "--port", str(port))

    assert answer.exit_code == 1
    assert f"Port {port}" in answer.stderr
    assert "--port" in answer.stderr


def test_a_store_in_memory_is_refused(run: Callable[..., Result]) -> None:
    """`ui` refuses a store in memory, which belongs to another program."""
    assert "name a file" in run("ui", "--no-browser", "memory").stderr


def test_it_ends_quietly_while_a_page_is_open(tmp_path: Path) -> None:
    """Ctrl-C ends `ui` without an error while a page still follows the store."""
    command = [sys.executable, "-c", RUN, "ui", "--no-browser", "--port", "0", str(tmp_path / "later.sqlite3")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(word for word in process.stdout.readline().split() if word.startswith("http"))

        with urllib.request.urlopen(f"{address}live", timeout=60) as page:
            page.readline()
            process.send_signal(signal.SIGINT)
            _, problems = process.communicate(timeout=60)

    assert (process.returncode, problems) == (0, "")


def test_it_serves_until_interrupted(tmp_path: Path) -> None:
    """`ui` prints the file and an address that answers at once, and Ctrl-C ends it without an error."""
    command = [
        sys.executable,
        "-c",
        RUN,
        "ui",
        "--no-browser",
        "--port",
        "0",
        str(tmp_path / "later.sqlite3"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http"))

        with urllib.request.urlopen(address, timeout=60) as page:
            text = page.read().decode()
        process.send_signal(signal.SIGINT)
        _, problems = process.communicate(timeout=60)

    assert f"Baserun shows {tmp_path / 'later.sqlite3'} on {address}" in line
    assert "Nothing is recorded yet" in text
    assert (process.returncode, problems) == (0, "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a browser always has a window")
def test_no_browser_takes_the_terminal(tmp_path: Path) -> None:
    """Without a display, as over SSH, `ui` starts no terminal browser, and the server answers."""
    w3m = tmp_path / "bin" / "w3m"
    w3m.parent.mkdir()
    w3m.write_text("#!/bin/sh\ntouch started\nexec sleep 60\n")
    w3m.chmod(0o755)
    environment = {"PATH": f"{w3m.parent}{os.pathsep}{os.environ['PATH']}", "TERM": "xterm"}
    command = [sys.executable, "-c", RUN, "ui", "--port", "0", "later.sqlite3"]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        try:
            with urllib.request.urlopen(address, timeout=20) as page:
                status = page.status
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)

    assert status == 200
    assert not (tmp_path / "started").exists()
