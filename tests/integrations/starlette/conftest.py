"""Fixtures of the tests of Starlette and FastAPI: a recorder, calls to a model, users and real servers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import pytest
import uvicorn
from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser, UnauthenticatedUser
from starlette.requests import HTTPConnection

from baserun.testing import Captured, capture
from waiting import eventually

SECRET = "a secret of the tests, long enough"


@pytest.fixture
def captured() -> Iterator[Captured]:
    with capture(secret=SECRET, instrument="none") as captured:
        yield captured


class Person(BaseUser):
    """A user with an e-mail address."""

    def __init__(self, email: str) -> None:
        self.email = email

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.email


class ByHeader(AuthenticationBackend):
    """Authenticates by a header with an e-mail address; without it the visitor is anonymous."""

    def __init__(self, header: str = "x-user") -> None:
        self._header = header

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        email = conn.headers.get(self._header)
        return (AuthCredentials([]), UnauthenticatedUser() if email is None else Person(email))


@pytest.fixture
def by_header() -> AuthenticationBackend:
    return ByHeader()


@pytest.fixture
def by_session() -> AuthenticationBackend:
    """Authenticates by another header than `by_header`."""
    return ByHeader("x-session")


@pytest.fixture
def hashed() -> Callable[[str], str]:
    """A function that returns the identifier of the user with an e-mail address."""
    return lambda email: sha256(email.encode()).hexdigest()


@contextmanager
def _serving(app: Any) -> Iterator[str]:
    # Idle connections stay open: on a busy machine the server might close one just as the next request comes.
    settings: dict[str, Any] = {"log_level": "critical", "timeout_graceful_shutdown": 5, "timeout_keep_alive": 60}
    server = uvicorn.Server(uvicorn.Config(app, port=0, **settings))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def serving() -> Any:
    """Serves an application with a real uvicorn: ``with serving(app) as url:``."""
    return _serving
