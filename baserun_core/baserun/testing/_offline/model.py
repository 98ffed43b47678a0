"""An OpenAI-compatible server with a deterministic model, for tests, examples and the demo."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from types import TracebackType
from typing import Any, Self

from baserun._arguments import is_async, takes
from baserun.testing._offline.call import ReplyFunction, Shared
from baserun.testing._offline.connection import Connections
from baserun.testing._offline.exchange import ReceivedRequest, SentAnswer
from baserun.testing._offline.fault import Fault
from baserun.testing._offline.ids import Ids
from baserun.testing._offline.reply import Reply
from baserun.testing._offline.script import Script
from baserun.testing._offline.server import ThreadedServer

MOST_REPLYING = 64  # reply functions that may run, or block, at the same time


class OfflineModel:
    """A model server on this machine: no network, no key, the same answers every time.

    ```python
    with OfflineModel() as model:
        client = openai.OpenAI(base_url=model.url, api_key="offline")
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": 'Say "hello"'}])
    ```

    It serves chat completions, Responses, legacy completions, embeddings, images, audio, moderations and models, at
    OpenAI's and Azure's paths. `docs/testing.md` says how it replies; `next()` and `script()` set replies and faults.

    Args:
        reply: A function that returns the reply (text or a `Reply`) to the messages; runs on another thread, may block.
        host: The address to listen on.
        port: The port to listen on; 0 takes a free one.
        seed: Servers with the same seed give the same ids in the same order.
        clock: Returns the Unix time of answers, in seconds.
        keep: How many of the latest requests and answers are kept; None keeps all.

    Raises:
        TypeError: An argument cannot be used.
    """

    def __init__(
        self,
        *,
        reply: ReplyFunction | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: str = "offline",
        clock: Callable[[], float] = time.time,
        keep: int | None = 10_000,
    ) -> None:
        _check_reply(reply)
        if not isinstance(host, str) or not host:
            raise TypeError(f"host must be a name or address such as '127.0.0.1', not {host!r}")
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
            raise TypeError(f"port must be a number from 0 (a free port) to 65535, not {port!r}")
        if not callable(clock):
            raise TypeError(f"clock must be a function of nothing: write clock=lambda: {clock!r}")
        if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 0):
            raise TypeError(f"keep must be a number of requests, or None for all, not {keep!r}")
        self._reply = reply
        self._host = host
        self._port = port
        self._seed = seed
        self._clock = clock
        self._script = Script()
        self._requests: deque[ReceivedRequest] = deque(maxlen=keep)
        self._answers: deque[SentAnswer] = deque(maxlen=keep)
        self._server: ThreadedServer | None = None
        self._executor: ThreadPoolExecutor | None = None

    def start(self) -> Self:
        """Begin to serve; a `with` block does this by itself.

        Raises:
            RuntimeError: It serves already.
            OSError: It cannot listen on the host and port.
        """
        if self._server is not None:
            raise RuntimeError(f"This OfflineModel already serves at {self.url}; make another one or stop() it first.")
        self._executor = ThreadPoolExecutor(MOST_REPLYING, thread_name_prefix="baserun-offline-reply")
        shared = Shared(url="", ids=Ids(self._seed), clock=self._clock, reply=self._reply, executor=self._executor)
        connections = Connections(shared, self._script, received=self._requests.append, sent=self._answers.append)
        self._server = ThreadedServer(connections.serve, host=self._host, port=self._port)
        shared.url = self.url
        self._server.start()
        return self

    def stop(self) -> None:
        """Abort open connections, and leave no thread or socket behind. Stopping twice is harmless."""
        server, self._server = self._server, None
        executor, self._executor = self._executor, None
        if server is not None:
            server.stop()
        if executor is not None:
            executor.shutdown()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The `base_url` for clients; ends in `/v1`."""
        return f"{self.azure_endpoint}/v1"

    @property
    def azure_endpoint(self) -> str:
        """The `azure_endpoint` for Azure clients: the server's root."""
        if self._server is None:
            raise RuntimeError("This OfflineModel does not serve yet; use it in a `with` block or call start().")
        return f"http://{self._host}:{self._server.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment variables that direct a program's default client here, for `env=` of a subprocess."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": "offline"}

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests received so far, in order of arrival."""
        return list(self._requests)

    @property
    def answers(self) -> list[SentAnswer]:
        """The answers sent so far, in the order in which they ended, each with its request."""
        return list(self._answers)

    def next(self, step: str | Reply | Fault | None = None, /, **fault: Any) -> None:
        """Choose what happens to the next request that has no step yet.

        `next("Hello")` and `next(Reply(...))` choose the reply; `next(status=429, times=2)` and `next(Fault(...))` the
        fault; `next()` lets one request pass as usual.

        Raises:
            TypeError: The step or the field of a fault cannot be used.
            ValueError: The value of a fault's field is out of range.
        """
        if step is not None and fault:
            raise TypeError(f"Write the fault's fields or a step, not both: next({step!r}, {', '.join(fault)}=...).")
        unknown = sorted(fault.keys() - {field.name for field in fields(Fault)})
        if unknown:
            raise TypeError(f"There is no fault {unknown[0]!r}; write one of {', '.join(Fault.__slots__)}.")
        chosen = Fault(**fault) if fault else step
        if chosen is not None and not isinstance(chosen, str | Reply | Fault):
            raise TypeError(
                f"A step is text, a Reply, a Fault or None, not {chosen!r}; a status is next(status=429), an object"
                " is next(json.dumps(...))."
            )
        self._script.add(Reply(text=chosen) if isinstance(chosen, str) else chosen)

    def script(self, *steps: str | Reply | Fault | None) -> None:
        """Choose what happens to the next requests, one step for each; see `next`."""
        for step in steps:
            self.next(step)

    def clear(self) -> None:
        """Forget received requests, sent answers and the remaining steps."""
        self._script.clear()
        self._requests.clear()
        self._answers.clear()


def _check_reply(reply: object) -> None:
    if reply is None:
        return
    if not callable(reply):
        raise TypeError(f"reply must be a function of the messages: write reply=lambda messages: {reply!r}")
    if is_async(reply) or not takes(reply, 1):
        raise TypeError(f"reply is called with the messages and may block: write def reply(messages), not {reply!r}")
