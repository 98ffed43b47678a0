"""Finding the web request that this code runs in, and what needs it: its tokens, and the feedback that it brings."""

from __future__ import annotations

from baserun._context import current
from baserun._model import Session, Trace
from baserun.exceptions import ConfigurationError
from baserun.web._feedback import FeedbackAnswer, accept_feedback, sign_feedback
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
    if not isinstance(session, Session):
        raise ConfigurationError(f"token_of() takes a session, such as baserun.current_session(), not {session!r}")
    if session._host is not None:
        return session._host.token()
    keys = _policy().keys
    return keys.sign(session.id, keys.now(), keys.owner(session.user_identifier))


def feedback_token_of(trace: Trace) -> str:
    """Return the token by which a client can give feedback on `trace`."""
    if not isinstance(trace, Trace):
        raise ConfigurationError(f"feedback_token_of() takes a trace, such as baserun.current_trace(), not {trace!r}")
    return sign_feedback(_policy().keys, trace)


def answer_feedback(content_type: str | None, body: bytes | None, *, remedy: str) -> FeedbackAnswer:
    """Record the feedback that this request brings, and return the answer; the same under every framework.

    Args:
        content_type: Of the request.
        body: Of the request; None if it was not read because it is longer than `MOST_BYTES`.
        remedy: How to add the middleware, for the message of the error.

    Raises:
        ConfigurationError: There is no middleware around the endpoint.
    """
    request = active_request()
    if request is None:
        raise ConfigurationError(
            f"feedback is taken below the middleware: {remedy}, and leave the path of the endpoint out of `excluded`"
        )
    return accept_feedback(request.policy, content_type, body, request.visitor())


def _policy() -> SessionPolicy:
    request = active_request()
    return latest_policy() if request is None else request.policy
