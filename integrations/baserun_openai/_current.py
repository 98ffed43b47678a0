"""The current call of a thread or task, and beginning and leaving one."""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter_ns
from typing import Any

from baserun.instrumentation import end_user_to_fill, report, start_call
from baserun_openai._call import Call
from baserun_openai._endpoints import Endpoint, find
from baserun_openai._identity import MOST_CHARACTERS, filled, may_fill, named_by


class Unrecorded:
    """A request within a call that is no call itself; keeps its content from being taken for that of the outer call."""

    __slots__ = ("given", "options", "outer")

    def __init__(self, options: Any, outer: Call | Unrecorded) -> None:
        self.given = self.options = options
        self.outer = outer

    def returned(self) -> None:
        return None

    def failed(self, error: BaseException) -> None:
        return None


current: ContextVar[Call | Unrecorded | None] = ContextVar("baserun_openai_call", default=None)


def begin(client: Any, options: Any) -> Call | Unrecorded | None:
    """Begin a call, or return None if this request needs neither a record nor shielding an outer call.

    Never raises, and does not change `options`; the client is to send the `options` of the result instead.
    """
    try:
        outer = current.get()
        if outer is not None and (outer.given is options or outer.options is options):
            return None  # the same call: another tool's `request` around ours led here twice
        call = _begin(client, options, outer) or (None if outer is None else Unrecorded(options, outer))
        if call is not None:
            current.set(call)
        return call
    except Exception as error:
        report("beginning to record an OpenAI call", error)
        return None


def leave(call: Call | Unrecorded, error: BaseException | None = None) -> None:
    """Leave `call` after the client returned or raised `error`. Never raises."""
    try:
        # Not by a token: an abandoned coroutine may be closed in any context.
        if current.get() is call:
            current.set(call.outer)
        if error is None:
            call.returned()
        else:
            call.failed(error)
    except Exception as failure:
        report("ending the record of an OpenAI call", failure)


def sent(request: Any) -> None:
    """Note a request that the client built, for the first attempt or a retry. Never raises."""
    call = current.get()
    if type(call) is Call and call.request is not request:
        call.request = request
        call.attempts += 1


def answered(response: Any, retries: Any) -> None:
    """Pass a response that is no error to the current call. Never raises."""
    call = current.get()
    if type(call) is Call:
        try:
            call.answered(response, retries)
        except Exception as error:
            report("looking at an OpenAI response", error)


def _begin(client: Any, options: Any, outer: Call | Unrecorded | None) -> Call | None:
    endpoint = find(options.method, options.url)
    if endpoint is None:
        return None
    body = options.json_data
    model = body.get("model") if type(body) is dict else None
    name = f"{endpoint.operation} {model}" if isinstance(model, str) else endpoint.operation
    end_user = named_by(options)
    span = start_call(name, endpoint.kind, end_user)
    if span is None:
        return None
    chosen = options if end_user is not None else _with_end_user(client, endpoint, options)
    return Call(span, endpoint, options, chosen, outer, perf_counter_ns())


def _with_end_user(client: Any, endpoint: Endpoint, options: Any) -> Any:
    if endpoint.end_user_parameter is None:
        return options
    user = end_user_to_fill()
    if user is None or len(user) > MOST_CHARACTERS or not may_fill(client, options):
        return options
    return filled(options, endpoint.end_user_parameter, user)
