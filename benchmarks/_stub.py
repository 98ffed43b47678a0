"""A stub of the client's three instrumented methods, to measure the cost of our instrumentation alone."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import openai
from openai._base_client import make_request_options
from openai._models import FinalRequestOptions

from baserun_openai._patch import _build_request, _process_response, _request
from benchmarks._conversation import ENDPOINT, Wire

http: Any = import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
"""The HTTP library that the client uses."""

URL = "https://api.openai.com/v1"
WHOLE = {"content-type": "application/json", "x-request-id": "req_0123456789abcdef"}
EVENTS = {**WHOLE, "content-type": "text/event-stream"}


class StubbedClient:
    """Has the methods of the client that are instrumented, without their work."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def request(self, cast_to: Any, options: Any, response: Any) -> Any:
        """Make one call."""
        self._build_request(options)
        return self._process_response(response=response, retries_taken=0)

    def _build_request(self, options: Any) -> Any:
        return self._request

    def _process_response(self, *, response: Any, retries_taken: int) -> Any:
        return response


class InstrumentedClient(StubbedClient):
    """The same, with the wrappers of `baserun_openai` around these methods."""

    request = _request(StubbedClient.request)
    _build_request = _build_request(StubbedClient._build_request)
    _process_response = _process_response(StubbedClient._process_response)


class StubbedCall:
    """One call of a stubbed client, with the answer read to its end."""

    def __init__(self, wire: Wire, client: type[StubbedClient] = InstrumentedClient) -> None:
        import msgspec

        body = msgspec.json.decode(wire.request)
        self._request = http.Request("POST", URL + ENDPOINT, content=wire.request)
        self._wire = wire
        self._client = client(self._request)
        self._options = FinalRequestOptions.construct(
            method="post", url=ENDPOINT, json_data=body, **make_request_options()
        )
        self._whole = http.Response(200, headers=WHOLE, content=wire.response, request=self._request)

    def make(self) -> None:
        """Make the call."""
        if not self._wire.chunks:
            self._client.request(object, self._options, self._whole)
            return
        begun = http.Response(200, headers=EVENTS, stream=_Chunks(self._wire.chunks), request=self._request)
        self._client.request(object, self._options, begun)
        for _ in begun.stream:
            pass
        begun.stream.close()


class _Chunks(http.SyncByteStream):  # type: ignore[misc]
    """A body that arrives in pieces."""

    def __init__(self, chunks: tuple[bytes, ...]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks
