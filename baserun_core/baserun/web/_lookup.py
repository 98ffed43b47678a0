"""Finding the web request that this code runs in, and signing tokens for it."""

from __future__ import annotations

from baserun._context import current
from baserun._model import Session, Trace
from baserun.web._feedback import sign_feedback
from baserun.web._policy import SessionPolicy, latest_policy
from baserun.web._request import WebRequest


def active_request() -> WebRequest | None:
    """Return the web request that this code runs in, or None."""
    frame = current()
    while frame is not None:
        host = None if frame.session is None else frame.session._host
        if isinstance(host, WebRequest):
            return host
        frame = frame.parent
    return None


def token_of(session: Session) -> str:
    """Return the token that resumes `session`, signed with the keys of its request, else of the latest application."""
    if session._host is not None:
        return session._host.token()
    keys = _policy().keys
    return keys.sign(session.id, keys.now(), keys.owner(session.user_identifier))


def feedback_token_of(trace: Trace) -> str:
    """Return the token by which a client can give feedback on `trace`."""
    return sign_feedback(_policy().keys, trace)


def _policy() -> SessionPolicy:
    request = active_request()
    return latest_policy() if request is None else request.policy
