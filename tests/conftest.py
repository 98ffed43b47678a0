"""Each test starts as in a new process: no configuration, no environment, a folder of its own."""

from __future__ import annotations

import ast
import gc
import importlib.util
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings

INHERITED = ("BASERUN_", "OPENAI_", "AZURE_OPENAI_", "COLUMNS", "LINES")
"""Variables that change what Baserun, a client or a terminal does; a test sets those that it needs."""

OWN = {
    "baserun.cli": "rich",
    "baserun_chat": "python_multipart",
    "baserun_demo": "python_multipart",
    "baserun_django": "django",
    "baserun_flask": "flask",
    "baserun_monitor": "jinja2",
    "baserun_openai": "openai",
    "baserun_starlette": "starlette",
}
"""Packages of ours that need an extra, and a module that the extra installs."""

PORTS = range(20_000, 32_000)
"""Below the range from which systems assign free ports, so that they assign none that a test has chosen."""

HAS_EVERYTHING = os.environ.get("TOX_ENV_NAME", "bare") != "bare"
"""All tox environments but ``bare`` have all extras: there a missing import is a failure."""

# No test is timed, and a failure is reproduced from its printed example, not from a database of examples.
settings.register_profile("baserun", deadline=None, database=None, print_blob=True)
settings.load_profile("baserun")


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the programs that tests start, even if a background shell made us ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Exempt imported objects from garbage collection: tests that collect would scan a million of them each time."""
    gc.collect()
    gc.freeze()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out test modules and folders whose imports are not installed, as in the bare environment."""
    module = collection_path / "conftest.py" if collection_path.is_dir() else collection_path
    if HAS_EVERYTHING or module.suffix != ".py" or not module.exists():
        return None
    return None if all(_is_installed(name) for name in _imported(module)) else True


def _imported(module: Path) -> set[str]:
    names: set[str] = set()
    for statement in ast.parse(module.read_bytes()).body:
        if isinstance(statement, ast.Import):
            names.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module is not None:
            names.add(statement.module)
    return names


def _is_installed(name: str) -> bool:
    own = next((needed for prefix, needed in OWN.items() if name == prefix or name.startswith(f"{prefix}.")), None)
    return importlib.util.find_spec(own or name.partition(".")[0]) is not None


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Reset what one test could leave to the next: options, environment, current session, clients, threads."""
    for variable in [name for name in os.environ if name.startswith(INHERITED)]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    _forget()
    yield
    _forget()


@pytest.fixture(name="call")
def _call() -> Callable[..., None]:
    """Return a function that records a call to a model with a prompt and no other content, named after it."""
    from recorded_calls import record_prompt  # only here: tests that imports have no effect run here too

    return record_prompt


@pytest.fixture(scope="session")
def django_set_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Set up Django for all tests in this process, once: it cannot be set up again."""
    pytest.importorskip("django")
    import django
    from django.conf import settings

    database = tmp_path_factory.mktemp("django") / "project.sqlite3"
    settings.configure(
        SECRET_KEY="a secret of the tests, long enough",
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database, "OPTIONS": {"timeout": 30}},
        },
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "baserun_django"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "baserun_django.BaserunMiddleware",
        ],
        USE_TZ=True,
    )
    django.setup()


def _free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@pytest.fixture(name="free_port", scope="session")
def _port() -> Callable[[], int]:
    """Return a function that finds a free port, for programs that cannot report which port they were given."""
    return _free_port


def _forget() -> None:
    # Only if already imported: tests that imports have no effect run here too.
    runtime = sys.modules.get("baserun._current")
    context = sys.modules.get("baserun._context")
    if runtime is not None:
        runtime.reset()
    if context is not None:
        context.replace(None)
