"""One call, from its request to the end of its answer.

Everything except `describe` runs on the application's threads: it keeps references to immutable bytes and does not
parse them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from baserun.instrumentation import CANCELLED, ERROR, OK, CallDetails, finish_call, report
from baserun_openai import _closing
from baserun_openai._binary import capture_file
from baserun_openai._describe import describe
from baserun_openai._endpoints import Endpoint
from baserun_openai._tee import tee

STATUS_OF_END = {
    _closing.CANCELLED: CANCELLED,
    _closing.ERROR: ERROR,
    _closing.TIMEOUT: ERROR,
    _closing.NETWORK: ERROR,
}
"""The status of a call by the end of its stream; after any other end it is `OK`."""


class Call(msgspec.Struct, eq=False):
    """The data kept of a call; the `CallSource` of its details."""

    span: Any
    """The span of the call; None after its end, since the span refers to the call."""
    endpoint: Endpoint
    given: Any
    """The request options that the caller passed, by which a repetition of the call is recognised."""
    options: Any
    """The request options that the client sends, which may have the end user filled in."""
    outer: Any
    """The call that was current when this one began."""
    started_ns: int

    request: Any = None
    attempts: int = 0
    url: Any = None
    content: bytes | None = None
    """The body of the request; None for a form with files, which is in `fields` and `files`."""
    fields: dict[str, Any] | None = None
    files: list[tuple[str, Any]] | None = None

    headers: Any = None
    retries: int | None = None
    error_status_code: int | None = None
    body: bytes | None = None
    """The body of the response, if it was not streamed."""

    is_streamed: bool = False
    response_class: Any = None
    chunks: list[bytes] | None = None
    """The chunks of a streamed body, with their content encoding."""
    times: list[int] | None = None
    """When each chunk arrived, by `perf_counter_ns`."""
    size: int = 0
    """Bytes of the whole streamed body, if too many to be kept."""
    stream_end: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.span is None

    def answered(self, response: Any, retries: Any) -> None:
        """Take a response that is no error; its body may still be arriving."""
        self.retries = retries
        self.headers = response.headers
        # After a redirect this is not the request that the client built: its URL is new, its content may be gone.
        self.url = response.request.url
        if self.request is None:
            self.request = response.request
        if response.is_stream_consumed:
            self.body = response.content
            return
        self.response_class = type(response)
        self.is_streamed = tee(response, self)

    def returned(self) -> None:
        """End the call, unless its body is streamed: the client has returned the answer, or a stream."""
        if self.is_streamed:
            self._take_request()  # now: a file that was sent may be closed before the stream ends
        else:
            self._end(OK, None)

    def failed(self, error: BaseException) -> None:
        """End the call with the `error` that the client raised."""
        response = getattr(error, "response", None)
        if response is not None and self.headers is None:
            self.headers = response.headers
            self.body = response.content if response.is_stream_consumed else None
            self.error_status_code = response.status_code
        self._end(ERROR if isinstance(error, Exception) else CANCELLED, error)

    def stream_ended(self, how: str, error: BaseException | None = None) -> None:
        """End the call with the end of its body; only the first end counts."""
        if self.has_ended:
            return
        try:
            self.stream_end = how
            self._end(STATUS_OF_END.get(how, OK), error)
        except Exception as failure:
            report("ending the record of a stream", failure)

    def _end(self, status: str, error: BaseException | None) -> None:
        span, self.span = self.span, None
        if span is None:
            return
        self._take_request()
        finish_call(span, self, self._size(), status=status, error=error)

    def _size(self) -> int:
        size = 0 if self.content is None else len(self.content)
        if self.body is not None:
            size += len(self.body)
        return sum(map(len, self.chunks), size) if self.chunks else size

    def _take_request(self) -> None:
        request, options = self.request, self.options
        if options is None:  # taken before
            return
        self.request = self.options = self.given = self.outer = None
        if request is not None:
            self.url = self.url or request.url
            self.content = None if options.files else _bytes_of(request)
        if self.content is None:
            self._take_form(options)

    def _take_form(self, options: Any) -> None:
        body, extra = options.json_data, options.extra_json
        self.fields = {**(body if isinstance(body, dict) else {}), **(extra if isinstance(extra, dict) else {})}
        files = options.files
        pairs = files.items() if isinstance(files, dict) else files or ()
        self.files = [(name, capture_file(file)) for name, file in pairs]

    def describe(self) -> CallDetails:
        """Read the details. Runs once, on the writer's thread."""
        return describe(self)


def _bytes_of(request: Any) -> bytes | None:
    try:
        content: bytes = request.content
    except Exception:  # RequestNotRead, of either HTTP library: a form with files is sent in chunks
        return None
    return content
