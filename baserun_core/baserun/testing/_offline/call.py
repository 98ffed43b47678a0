"""One request to an endpoint, and the state that the endpoints share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from types import CoroutineType
from typing import Any

from baserun.testing._offline.behaviour import reply_to
from baserun.testing._offline.errors import RequestError
from baserun.testing._offline.exchange import Json, ReceivedRequest
from baserun.testing._offline.ids import Ids
from baserun.testing._offline.prompt import Prompt, PromptCache
from baserun.testing._offline.reply import Reply, shortened

ReplyFunction = Callable[[list[dict[str, str]]], str | Reply]
"""Returns the reply to the messages, each with `role` and `content`."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """The state of the server."""

    url: str
    ids: Ids
    clock: Callable[[], float]
    reply: ReplyFunction | None
    executor: Executor
    cache: PromptCache = field(default_factory=PromptCache)
    responses: dict[str, Any] = field(default_factory=dict)
    """The stored responses of the Responses API, by id."""
    conversations: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Call:
    """One request, as an endpoint sees it."""

    request: ReceivedRequest
    shared: Shared
    deployment: str | None = None
    """The model that an Azure path names."""
    parts: dict[str, str] = field(default_factory=dict)
    """The variable parts of the path."""
    scripted: Reply | None = None
    """The reply that the test has chosen, if any."""

    @property
    def is_azure(self) -> bool:
        """Whether the request has an Azure path."""
        return self.deployment is not None

    @property
    def ids(self) -> Ids:
        """The source of new ids."""
        return self.shared.ids

    @property
    def now(self) -> int:
        """Unix time in seconds."""
        return int(self.shared.clock())

    def body(self) -> Json:
        """Return the body, a JSON object.

        Raises:
            RequestError: It is something else.
        """
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError:
            raise RequestError("We could not parse the JSON body of your request.") from None
        if not isinstance(body, dict):
            raise RequestError("The JSON body of your request must be an object.")
        return body

    def model(self, body: Json) -> str:
        """Return the model of the request, without the fault that may follow its name.

        Raises:
            RequestError: None is named.
        """
        name = body.get("model") or self.deployment
        if not isinstance(name, str):
            raise RequestError("you must provide a model parameter", param="model")
        return name.partition("#")[0]

    async def reply(self, prompt: Prompt) -> Reply:
        """Return the reply: the scripted one, that of the test's own function, or the model's.

        Raises:
            TypeError: The function returned neither text nor a `Reply`.
        """
        reply = self.scripted
        if reply is None and self.shared.reply is not None:
            loop = asyncio.get_running_loop()
            said = await loop.run_in_executor(self.shared.executor, self.shared.reply, prompt.spoken())
            reply = Reply(text=said) if isinstance(said, str) else said
        if reply is not None and not isinstance(reply, Reply):
            if isinstance(reply, CoroutineType):
                reply.close()
            raise TypeError(f"reply= must be a plain function that returns text or a Reply, not {reply!r}")
        return shortened(reply or reply_to(prompt), stop=prompt.stop, max_tokens=prompt.max_tokens)
