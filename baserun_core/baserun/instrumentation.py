"""For integrations of LLM clients: how to begin, describe and finish a call.

    span = start_call("chat gpt-4o-mini", kind="llm")      # on the caller's thread: takes the context and the time
    ...                                                    # the client does its work
    finish_call(span, source, size)                        # on the caller's thread: takes the time, keeps `source`

``source.describe()`` runs later, on the writer's thread, where decoding costs the caller nothing.
"""

from __future__ import annotations

from baserun._atoms import RawJSON
from baserun._calls import CallDetails, CallSource, Usage
from baserun._context import current
from baserun._current import running_recorder
from baserun._guard import guarded, report, say_once
from baserun._identity import pseudonym
from baserun._model import CANCELLED, ERROR, OK, Span

__all__ = [
    "CANCELLED",
    "ERROR",
    "OK",
    "CallDetails",
    "CallSource",
    "RawJSON",
    "Usage",
    "end_user_to_fill",
    "finish_call",
    "guarded",
    "report",
    "say_once",
    "start_call",
]


def start_call(name: str, kind: str = "llm", end_user: str | None = None) -> Span | None:
    """Begin to record a call to a model, in the current session and trace.

    Args:
        name: Operation and model, such as ``chat gpt-4o-mini``.
        kind: ``llm`` or ``embedding``.
        end_user: The provider's end-user parameter, if the caller set it; a session without a user adopts it.

    Returns:
        The span to finish, or None if nothing is to be recorded here.
    """
    recorder = running_recorder()
    frame = current()
    if recorder is None or (frame is not None and frame.muted):
        return None
    return recorder.start_call(frame, name, kind, end_user)


def finish_call(
    span: Span,
    source: CallSource,
    size: int,
    *,
    status: str = OK,
    error: BaseException | None = None,
) -> None:
    """Finish a call, and queue it to be written.

    Args:
        span: The span that `start_call` returned.
        source: Where the details are read from, on the writer's thread.
        size: About how many bytes `source` keeps alive.
        status: ``ok``, ``error`` or ``cancelled``.
        error: The exception that the client raised.
    """
    recorder = running_recorder()
    if recorder is not None:
        recorder.finish_call(span, source, size, status, error)


def end_user_to_fill() -> str | None:
    """Return the user to send as the provider's end-user parameter; None without `fill_end_user` or without a user."""
    recorder = running_recorder()
    if recorder is None or not recorder.config.fill_end_user:
        return None
    frame = current()
    if frame is None or frame.session is None:
        return None
    user = frame.session.user_identifier
    return None if user is None or frame.muted else pseudonym(user, recorder.config.user_key)
