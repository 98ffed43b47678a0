"""One client's connection: requests in, answers out, one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate

from baserun.testing._offline.call import Call, Shared
from baserun.testing._offline.damage import refusal
from baserun.testing._offline.delivery import Delivery
from baserun.testing._offline.errors import RequestError, error_answer
from baserun.testing._offline.exchange import Answer, ReceivedRequest, SentAnswer
from baserun.testing._offline.fault import Fault
from baserun.testing._offline.reply import Reply
from baserun.testing._offline.routes import find_route
from baserun.testing._offline.script import RequestedFaults, Script, Step
from baserun.testing._offline.wire import NotHTTPError, head_bytes, read_request

RATE_LIMITS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "30ms",
}


class Connections:
    """Serves all connections, with the state that they share."""

    def __init__(
        self,
        shared: Shared,
        script: Script,
        *,
        received: Callable[[ReceivedRequest], None],
        sent: Callable[[SentAnswer], None],
    ) -> None:
        self._shared = shared
        self._script = script
        self._requested = RequestedFaults()
        self._received = received
        self._sent = sent

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client disconnects, or a fault cuts the connection."""
        try:
            while (request := await read_request(reader, writer)) is not None:
                self._received(request)
                is_usable = await self._answer(request, reader, writer)
                if not is_usable or request.headers.get("connection", "").lower() == "close":
                    break
        except NotHTTPError as error:
            body = str(error).encode()
            writer.write(head_bytes(400, {"content-length": str(len(body)), "connection": "close"}) + body)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _answer(
        self, request: ReceivedRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        started = time.monotonic()
        fault, answer, headers = await self._decide(request)
        headers["openai-processing-ms"] = str(round((time.monotonic() - started) * 1000))
        delivery = Delivery(reader, writer, fault, request=request, sent=self._sent)
        return await delivery.send(answer, headers)

    async def _decide(self, request: ReceivedRequest) -> tuple[Fault | None, Answer, dict[str, str]]:
        headers = self._headers()
        try:
            route = find_route(request.method, request.path)
            if route.deployment is not None:
                headers |= {"apim-request-id": headers["x-request-id"], "x-ms-region": "Offline"}
            step: Step = self._requested.find(request, route.deployment) or self._script.take()
        except RequestError as error:
            return None, error.answer, headers
        fault = step if isinstance(step, Fault) else None
        if fault and (refused := refusal(fault)):
            return fault, refused, headers
        call = Call(
            request=request,
            shared=self._shared,
            deployment=route.deployment,
            parts=route.parts,
            scripted=step if isinstance(step, Reply) else None,
        )
        try:
            return fault, await route.endpoint(call), headers
        except RequestError as error:
            return fault, error.answer, headers
        except Exception as error:
            # A defect of a reply function, or ours: the client must see it rather than wait.
            message = f"The offline model failed: {type(error).__name__}: {error}"
            return None, error_answer(500, message=message, headers={"x-should-retry": "false"}), headers

    def _headers(self) -> dict[str, str]:
        return {
            "date": formatdate(self._shared.clock(), usegmt=True),
            "x-request-id": self._shared.ids.hexadecimal("req_", 32),
            "openai-organization": "offline",
            "openai-version": "2020-10-01",
            **RATE_LIMITS,
        }
