"""The offline model with clients that are directed to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from baserun.testing import OfflineModel

if TYPE_CHECKING:
    import openai

_VARIABLES = ("OPENAI_API_TYPE", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
"""What else the environment may say to a client."""


class OfflineClient(OfflineModel):
    """An `OfflineModel` and a client of it."""

    @cached_property
    def client(self) -> openai.OpenAI:
        """A client that talks to this model; closed after the test."""
        import openai

        return openai.OpenAI(base_url=self.url, api_key="offline")


@contextmanager
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineClient]:
    """Serve, with the environment set so that clients made from now on talk to it, the module-level one too."""
    with OfflineClient() as model:
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


def _forget_module_client() -> None:
    # `openai.chat...` keeps the client that it made at its first use, and where that one was directed.
    openai_module = sys.modules.get("openai")
    reset = getattr(openai_module, "_reset_client", None)
    if reset is not None:
        reset()
