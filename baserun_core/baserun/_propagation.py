"""Carrying the current session and trace to threads, executors, other processes and services."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from baserun._context import child, current
from baserun._current import recorder
from baserun._frame import Frame
from baserun._identity import (
    STRENGTH_EXPLICIT,
    STRENGTH_NONE,
    check_session_identifier,
    pseudonym,
    usable_user_identifier,
)
from baserun._model import RUNNING, Session, Trace
from baserun._scope import Scope, decorate
from baserun.exceptions import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])
H = TypeVar("H", bound=MutableMapping[str, str])

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
BAGGAGE = "baggage"
"""W3C Trace Context and W3C Baggage."""

SESSION_KEY = "session.id"
USER_KEY = "enduser.pseudo.id"
"""OpenTelemetry's names for a session and a pseudonymous end user."""

_OURS = "baserun"
"""Our key in ``tracestate``. Its value is the start of the trace in microseconds, because the first record to reach the
store may be another process's, which has to know it."""
_CLOCKS_DIFFER_US = 86_400_000_000
"""Largest believable distance between that start and this machine's clock; beyond it the trace starts now."""
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_DIGITS = re.compile(r"[0-9]{1,17}")
_MOST_BAGGAGE = 8192


def propagate(function: F) -> F:
    """Bind `function` to the session and trace that are current now, for running it elsewhere.

        threading.Thread(target=baserun.propagate(work)).start()
        executor.submit(baserun.propagate(work), argument)

    Threads and executors start without a context. Tasks inherit one, but only until its block is left; to keep the
    session beyond that, wrap the coroutine function: ``asyncio.create_task(baserun.propagate(work)())``.

    Returns:
        A function of the same kind (plain, coroutine, generator or async generator).

    Raises:
        ConfigurationError: `function` is not callable.
    """
    if not callable(function):
        raise ConfigurationError(
            f"propagate() takes the function that will run elsewhere, not {type(function).__name__}"
        )
    captured = current() or Frame(None, None, None, None)
    # Captured inside a `suppress` block, it stays suppressed after that block is left.
    return decorate(function, _Carried(captured, captured.muted, captured.contentless)._again)


class _Carried(Scope[None]):
    """A block in which a captured frame is current, even if the frame's own block has been left."""

    def __init__(self, captured: Frame, muted: bool, contentless: bool) -> None:
        self._captured = captured
        self._muted = muted
        self._contentless = contentless

    def _again(self, function: Callable[..., Any]) -> _Carried:
        return _Carried(self._captured, self._muted, self._contentless)

    def _open(self) -> tuple[None, Frame]:
        captured = self._captured
        return None, Frame(current(), captured.session, captured.trace, captured.span, self._muted, self._contentless)


def inject(headers: H) -> H:
    """Add the current session, user and trace to the headers of a request or message.

    They are the W3C Trace Context (``traceparent``, ``tracestate``) and W3C Baggage (``baggage``), which other services
    that follow these standards pass on; with a `user_key` the user is hashed. Send them to your own services only.

    Args:
        headers: A dict or other mutable mapping of names to values; changed in place.

    Returns:
        `headers`.

    Raises:
        ConfigurationError: `headers` is not a mutable mapping.
    """
    if not (hasattr(headers, "items") and hasattr(headers, "__setitem__")):
        raise ConfigurationError(f"inject() takes the headers as a dict, not {type(headers).__name__}")
    frame = current()
    if frame is None or frame.muted or not recorder().config.enabled:
        return headers
    names = {name.lower(): name for name in headers if isinstance(name, str)}
    trace = frame.trace
    if trace is not None and trace.status is RUNNING:
        if trace.at_touch is not None:
            recorder().touch_trace(trace)
        span_id = _root_span_id(trace) if frame.span is None else frame.span.id
        headers[names.get(TRACEPARENT, TRACEPARENT)] = f"00-{trace.id}-{span_id}-01"
        _put_first(headers, names.get(TRACESTATE, TRACESTATE), [f"{_OURS}={trace.started_us}"])
    if frame.session is not None:
        _put_first(headers, names.get(BAGGAGE, BAGGAGE), _baggage_of(frame.session))
    return headers


def extract(headers: Mapping[str, str]) -> ExtractedScope:
    """Continue the session and trace that `inject` put into these headers, in a block or a decorated function.

        with baserun.extract(message.headers) as session:
            ...

    The value of the block is the `Session`, or None if there is none. Malformed values are ignored. Whoever sets the
    headers chooses the session: use it between your own services and workers, never for what browsers send.

    Raises:
        ConfigurationError: `headers` is not a mapping.
    """
    if not hasattr(headers, "items"):  # the headers of some frameworks are no Mapping
        raise ConfigurationError(f"extract() takes the headers as a dict, not {type(headers).__name__}")
    return ExtractedScope(headers)


class ExtractedScope(Scope[Session | None]):
    """The block or decorator that `extract` returns."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = {
            name: _text(value)
            for given, value in headers.items()
            if (name := _text(given).lower()) in (TRACEPARENT, TRACESTATE, BAGGAGE)
        }

    def __repr__(self) -> str:
        return "extract(...)"

    def _again(self, function: Callable[..., Any]) -> ExtractedScope:
        return ExtractedScope(self._headers)

    def _open(self) -> tuple[Session | None, Frame]:
        outer = current()
        session = self._session()
        trace = self._trace(session)
        if session is not None and (outer is None or not outer.muted):
            recorder().open_session(session, resumed=True)
        if session is None and trace is None and outer is not None:
            return outer.session, child(outer, session=outer.session, trace=outer.trace, span=outer.span)
        return session, child(outer, session=session, trace=trace, span=None)

    def _session(self) -> Session | None:
        return session_of_baggage(self._headers.get(BAGGAGE, ""))

    def _trace(self, session: Session | None) -> Trace | None:
        parts = _TRACEPARENT.fullmatch(self._headers.get(TRACEPARENT, ""))
        states = [entry for entry in _entries(self._headers.get(TRACESTATE, "")) if _key(entry) == _OURS]
        if parts is None or not states:
            return None  # no Baserun sent it, so nothing would ever complete the trace
        trace = Trace(parts[1], session, "remote", "remote")
        trace.remote = True
        trace.parent_span_id = None if parts[2] == _root_span_id(trace) else parts[2]
        trace.started_us = _start_of(states[0], recorder().clock.now_us())
        return trace


def _text(value: object) -> str:
    """Return a name or value of a header as text; brokers such as Kafka, and ASGI, have bytes."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def session_of_baggage(header: str) -> Session | None:
    """Return the session that a ``baggage`` header names, or None if there is no valid one."""
    values = _parse_baggage(header)
    try:
        session_id = check_session_identifier(values.get(SESSION_KEY))
    except ConfigurationError:
        return None
    user = usable_user_identifier(values.get(USER_KEY))
    return Session(session_id, user, STRENGTH_NONE if user is None else STRENGTH_EXPLICIT)


def _start_of(state: str, now_us: int) -> int:
    value = state.partition("=")[2]
    started_us = int(value) if _DIGITS.fullmatch(value) else 0
    return started_us if abs(now_us - started_us) <= _CLOCKS_DIFFER_US else now_us


def _root_span_id(trace: Trace) -> str:
    """Return the span id that stands for the trace itself, which has none of its own."""
    return "f" + trace.id[17:]


def _baggage_of(session: Session) -> list[str]:
    entries = [f"{SESSION_KEY}={quote(session.id, safe='')}"]
    if session.user_identifier is not None:
        user = pseudonym(session.user_identifier, recorder().config.user_key)
        entries.append(f"{USER_KEY}={quote(user, safe='')}")
    return entries


def _put_first(headers: MutableMapping[str, str], name: str, entries: list[str]) -> None:
    """Put `entries` at the front of the list in this header; entries under other keys are kept."""
    ours = {_key(entry) for entry in entries} | ({SESSION_KEY, USER_KEY} if name.lower() == BAGGAGE else set())
    before = headers[name] if name in headers else ""  # noqa: SIM401  (not every framework's headers have `get`)
    others = [entry for entry in _entries(before) if _key(entry) not in ours] if isinstance(before, str) else []
    headers[name] = ",".join([*entries, *others])


def _key(entry: str) -> str:
    return entry.partition("=")[0].strip()


def _entries(header: str) -> list[str]:
    return [entry for entry in (part.strip() for part in header.split(",")) if entry]


def _parse_baggage(header: str) -> dict[str, str]:
    values: dict[str, str] = {}
    if len(header) > _MOST_BAGGAGE:
        header = header[:_MOST_BAGGAGE].rpartition(",")[0]  # a truncated id would be another id
    for entry in _entries(header):
        name, found, value = entry.partition(";")[0].partition("=")
        if found:
            values.setdefault(name.strip(), unquote(value.strip()))
    return values
