"""How a stream ended, derived from who closed it and what was raised."""

from __future__ import annotations

import inspect
import sys
from functools import lru_cache
from types import FrameType

COMPLETE = "complete"
CLOSED = "closed"
CANCELLED = "cancelled"
COLLECTED = "collected"
ERROR = "error"
NETWORK = "network"
TIMEOUT = "timeout"
UNREAD = "unread"

_LIBRARIES = ("openai", "httpx", "httpx2", "contextlib")
_STREAMS = "openai._streaming"
_EXITS = ("__exit__", "__aexit__")
_MOST_FRAMES = 12
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def end_by(error: BaseException) -> str:
    """Return the end of a body that `error` interrupted."""
    if not isinstance(error, Exception):
        return CANCELLED
    # By name, since the HTTP library may be httpx2, httpx or another one, in a custom transport.
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"TimeoutException", "TimeoutError"}:
        return TIMEOUT
    return NETWORK if names & {"TransportError", "OSError"} else ERROR


def is_read_by_client() -> bool:
    """Whether the generator of a body that calls this function is read by a stream of the client, not by its caller."""
    frame = sys._getframe(1).f_back
    while frame is not None and _is_of_library(frame):
        if frame.f_globals.get("__name__") == _STREAMS:
            return True
        frame = frame.f_back
    return False


def who_closed(*, of_client: bool) -> tuple[str, BaseException | None]:
    """Return how a body ended whose ``close`` calls this function, and the exception that ended it, if any.

    `of_client` is what `is_read_by_client` said when reading began.

    Three ways of closing look alike in ``close``: by the client after the last event, by the application, and by the
    garbage collector, which ends a generator of the client that nothing refers to. The frames tell them apart.
    """
    frame: FrameType | None = sys._getframe(2)
    error = sys.exc_info()[1]
    for _ in range(_MOST_FRAMES):
        is_of_library = frame is not None and _is_of_library(frame)
        if frame is None or not (is_of_library or _is_named_like_an_end(frame.f_code.co_name)):
            break
        if is_of_library and frame.f_code.co_flags & _GENERATOR:
            return _by_generator(error if _passed_through(error, frame) else None, of_client=of_client)
        if frame.f_code.co_name in _EXITS:
            return _by_block(_error_given_to(frame))
        frame = frame.f_back
    return CLOSED, None


def _is_of_library(frame: FrameType) -> bool:
    return _is_module_of_library(str(frame.f_globals.get("__name__")))


@lru_cache(maxsize=256)
def _is_module_of_library(name: str) -> bool:
    return name.partition(".")[0] in _LIBRARIES


@lru_cache(maxsize=256)
def _is_named_like_an_end(name: str) -> bool:
    # Other instrumentors wrap a response's close(), or a whole stream, in a function of their own.
    return "close" in name or name in _EXITS


def _passed_through(error: BaseException | None, frame: FrameType) -> bool:
    # An exception that is only being handled further out has nothing to do with this stream.
    traceback = None if error is None else error.__traceback__
    while traceback is not None:
        if traceback.tb_frame is frame:
            return True
        traceback = traceback.tb_next
    return False


def _by_generator(error: BaseException | None, *, of_client: bool) -> tuple[str, BaseException | None]:
    if error is None:
        return COMPLETE, None
    if not isinstance(error, GeneratorExit):
        return end_by(error), error
    # A loop over the bytes that is left by `break` drops its iterator at once; only the client's stream outlives it,
    # until the garbage collector closes its generators, in any order and from any frame.
    return (COLLECTED if of_client else CLOSED), None


def _error_given_to(leaving: FrameType) -> BaseException | None:
    """Return the second argument of an ``__exit__``: what left its block, not what is being handled around it."""
    code, given = leaving.f_code, None
    if code.co_argcount > 2:
        given = leaving.f_locals.get(code.co_varnames[2])
    elif code.co_flags & inspect.CO_VARARGS:
        arguments = leaving.f_locals.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        given = arguments[1] if isinstance(arguments, tuple) and len(arguments) > 1 else None
    return given if isinstance(given, BaseException) else None


def _by_block(error: BaseException | None) -> tuple[str, BaseException | None]:
    """Return the end of a body whose ``with`` block was left, by `error` or normally, however much had been read."""
    if error is None:
        return CLOSED, None
    return (ERROR if isinstance(error, Exception) else CANCELLED), error
