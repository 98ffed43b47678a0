"""Sessions of the web: framework-neutral, and the middleware for any ASGI or WSGI application."""

from __future__ import annotations

from baserun.web._asgi import ASGIMiddleware, ASGIRequest
from baserun.web._body import SteppedAsyncBody, SteppedBody
from baserun.web._cookie import SessionCookie
from baserun.web._entered import Entered, untouched
from baserun.web._feedback import MOST_BYTES, FeedbackAnswer, accept_feedback
from baserun.web._form import FORMS, URLENCODED
from baserun.web._lookup import active_request, answer_feedback, feedback_token_of, token_of
from baserun.web._options import OPTION_NAMES, OptionArguments, WebOptions
from baserun.web._policy import Secrets, SessionPolicy
from baserun.web._request import WebRequest
from baserun.web._response import GetHeader, ResponseChanges
from baserun.web._session import WebSession
from baserun.web._visitor import ANONYMOUS, UNKNOWN, Visitor, by_email, by_key, known, visitor_of
from baserun.web._wsgi import WSGIMiddleware, WSGIRequest

__all__ = [
    "ANONYMOUS",
    "FORMS",
    "MOST_BYTES",
    "OPTION_NAMES",
    "UNKNOWN",
    "URLENCODED",
    "ASGIMiddleware",
    "ASGIRequest",
    "Entered",
    "FeedbackAnswer",
    "GetHeader",
    "OptionArguments",
    "ResponseChanges",
    "Secrets",
    "SessionCookie",
    "SessionPolicy",
    "SteppedAsyncBody",
    "SteppedBody",
    "Visitor",
    "WSGIMiddleware",
    "WSGIRequest",
    "WebOptions",
    "WebRequest",
    "WebSession",
    "accept_feedback",
    "active_request",
    "answer_feedback",
    "by_email",
    "by_key",
    "feedback_token_of",
    "known",
    "token_of",
    "untouched",
    "visitor_of",
]
