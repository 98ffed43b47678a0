"""The offline model, and the redirection of clients to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from baserun.testing import OfflineModel
from baserun_pytest._transport import directed

if TYPE_CHECKING:
    import openai

_VARIABLES = ("OPENAI_API_TYPE", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
"""Other environment variables that a client reads."""
_PORT = pytest.StashKey[int]()


class OfflineClient(OfflineModel):
    """An `OfflineModel` and a client of it."""

    @cached_property
    def client(self) -> openai.OpenAI:
        """A client of this model; closed after the test."""
        import openai

        return openai.OpenAI(base_url=self.url, api_key="offline")


@contextmanager
def offline(monkeypatch: pytest.MonkeyPatch, config: pytest.Config) -> Iterator[OfflineClient]:
    """Serve an offline model, and redirect every client to it, whether made before or from now on."""
    with _served(config) as model, directed(model.url):
        for name in _VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in model.environment().items():
            monkeypatch.setenv(name, value)
        _forget_module_client()
        try:
            yield model
        finally:
            client = model.__dict__.get("client")
            if client is not None:
                client.close()
            _forget_module_client()


def address_of_latest(config: pytest.Config) -> str | None:
    """Return the URL of the latest offline model, or None: a client that was made for it keeps sending there."""
    port = config.stash.get(_PORT, 0)
    return f"http://127.0.0.1:{port}" if port else None


@contextmanager
def _served(config: pytest.Config) -> Iterator[OfflineClient]:
    """Serve a new model, at the port of the last one: an application may keep a client from one test to the next."""
    model = OfflineClient(port=config.stash.get(_PORT, 0))
    try:
        model.start()
    except OSError:  # another process has taken the port meanwhile
        model.stop()
        model = OfflineClient().start()
    config.stash[_PORT] = urlsplit(model.url).port or 0
    try:
        yield model
    finally:
        model.stop()


def _forget_module_client() -> None:
    # `openai.chat...` keeps the client that it made at its first use, with the base URL of that time.
    openai_module = sys.modules.get("openai")
    reset = getattr(openai_module, "_reset_client", None)
    if reset is not None:
        reset()
