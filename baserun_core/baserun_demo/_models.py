"""The model that answers the chat: the provider's, the small local one, or the offline one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from openai import AsyncOpenAI

from baserun.testing import Fault, OfflineModel
from baserun_demo._local import ALIAS, serving_local_model
from baserun_demo._mind import reply
from baserun_demo._story import PIECE_SECONDS

OFFLINE_NAME = "gpt-4o-mini"
KEPT = 100  # requests that the offline model keeps


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model, and the client that reaches it."""

    client: AsyncOpenAI
    name: str
    told: str
    """Its description for people, as in "answers come from ..."."""
    has_tools: bool = True


@contextmanager
def offline_server() -> Iterator[OfflineModel]:
    """Start an offline model that knows the shop of the demo."""
    with OfflineModel(reply=reply, keep=KEPT) as server:
        yield server


@contextmanager
def chosen_model(*, local: bool) -> Iterator[Model]:
    """Choose the model that answers the chat page."""
    if local:
        with serving_local_model() as url:
            client = AsyncOpenAI(base_url=url, api_key="none")
            yield Model(client=client, name=ALIAS, told="SmolLM2, on this machine", has_tools=False)
    elif os.environ.get("OPENAI_API_KEY"):
        client = AsyncOpenAI()
        name = os.environ.get("CHAT_MODEL", "gpt-4o-mini")
        yield Model(client=client, name=name, told=f"{name} at {client.base_url.host}, with your OPENAI_API_KEY")
    else:
        with offline_server() as server:
            server.next(Fault(times=None, chunk_delay=PIECE_SECONDS))
            yield Model(client=offline_client(server), name=OFFLINE_NAME, told="the offline model, which knows little")


def offline_client(server: OfflineModel) -> AsyncOpenAI:
    """Return a client of the offline model."""
    return AsyncOpenAI(base_url=server.url, api_key="offline")
