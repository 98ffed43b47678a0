"""For those who write an integration of an LLM client: how a call is begun, described and finished.

    span = start_call("chat gpt-4o-mini", kind="llm")      # on the caller's thread: what is current, and the time
    ...                                                    # the client does its work
    finish_call(span, source, size)                        # on the caller's thread: the time, and references

``source.describe()`` runs later, on the writer's thread, where decoding and merging cost the caller nothing.
"""

from __future__ import annotations

from baserun._atoms import RawJSON
from baserun._calls import CallDetails, CallSource, Usage
from baserun._context import current
from baserun._guard import guarded, report, say_once
from baserun._identity import pseudonym
from baserun._model import CANCELLED, ERROR, OK, Span
from baserun._runtime import running_recorder

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
    """Begin to record a call to a model, in the session and trace that are current now.

    Args:
        name: Operation and model, such as ``chat gpt-4o-mini``.
        kind: ``llm`` or ``embedding``.
        end_user: The provider's own end-user parameter, if the caller set it; adopted by a session that has no user.

    Returns:
        The span to finish, or None when nothing shall be recorded here.
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
    """Finish a call and hand it on.

    Args:
        span: What `start_call` gave.
        source: What the details are read from.
        size: About how many bytes `source` keeps alive.
        status: ``ok``, ``error`` or ``cancelled``.
        error: What the client raised.
    """
    recorder = running_recorder()
    if recorder is not None:
        recorder.finish_call(span, source, size, status, error)


def end_user_to_fill() -> str | None:
    """The user to send as the provider's end-user parameter, where `fill_end_user` is on and the session has one."""
    recorder = running_recorder()
    if recorder is None or not recorder.config.fill_end_user:
        return None
    frame = current()
    if frame is None or frame.session is None:
        return None
    user = frame.session.user_identifier
    return None if user is None or frame.muted else pseudonym(user, recorder.config.user_key)
