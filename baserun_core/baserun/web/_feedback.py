"""Feedback of visitors: a token that names one trace, and what an endpoint does with what a client posts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

import msgspec
from itsdangerous import TimestampSigner

from baserun._annotations import feedback_by
from baserun._current import recorder
from baserun._model import Trace
from baserun.exceptions import ConfigurationError
from baserun.web._form import parse_form
from baserun.web._policy import SessionPolicy
from baserun.web._token import Keys, TokenError, packed, unpacked, unsigned
from baserun.web._visitor import UNKNOWN, Visitor

SALT = b"baserun.feedback.v1"
MOST_BYTES = 64 * 1024
"""A body that is longer is refused."""
LIFETIME = 90 * 24 * 60 * 60
"""Seconds for which a token is good: as long as somebody may come back to an answer."""

_TRACE_ID = re.compile(r"[0-9a-f]{32}\Z")
_FIELDS = ("score", "thumbsup", "stars", "comment")
_YES_OR_NO = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}
_KINDS: dict[str, Callable[[str], Any]] = {"thumbsup": _YES_OR_NO.__getitem__, "score": float, "stars": int}


class FeedbackAnswer(msgspec.Struct, frozen=True):
    """What an endpoint answers with."""

    status: int
    problem: str | None = None
    """What was wrong, for the developer who looks at the answer."""

    @property
    def content_type(self) -> str | None:
        """The type of the body; None where there is none."""
        return None if self.problem is None else "application/json"

    def body(self) -> bytes:
        """Return the answer as JSON; nothing where nothing was wrong."""
        return b"" if self.problem is None else json.dumps({"error": self.problem}).encode()


def sign_feedback(keys: Keys, trace: Trace) -> str:
    """Sign the token of a trace, for the user whom the trace has now, or for whoever has the token if there is none."""
    if trace.at_touch is not None:
        recorder().touch_trace(trace)
    session_id = "" if trace.session_id is None else packed(trace.session_id)
    return _signer(keys).sign(f"{trace.id}.{session_id}.{keys.owner(trace.user_identifier)}").decode()


def accept_feedback(
    policy: SessionPolicy, content_type: str | None, body: bytes | None, visitor: Visitor = UNKNOWN
) -> FeedbackAnswer:
    """Record what a client posted: JSON or a form of either kind, with ``token`` and a ``score`` (0 to 1), ``thumbsup``
    (true or false), ``stars`` (1 to 5) or ``comment``, and a ``name`` if it has one.

    It takes the place of what the same visitor said of the answer under this name before.

    Args:
        policy: Whose keys have signed the token.
        content_type: Of the request.
        body: Of the request; None if it was not read because it is longer than `MOST_BYTES`.
        visitor: Who sent it, by the application's authentication; somebody else's token is refused.
    """
    if body is None or len(body) > MOST_BYTES:
        return FeedbackAnswer(413, f"the most is {MOST_BYTES} bytes")
    try:
        said = _parsed(content_type, body)
        trace_id, session_id, giver = _about(policy.keys, said.get("token"), visitor)
    except TokenError as error:
        return FeedbackAnswer(403, f"the token is {error}")
    except ValueError as error:
        return FeedbackAnswer(400, str(error))
    try:
        judgement = {name: said[name] for name in _FIELDS if said.get(name) is not None}
        name = "feedback" if said.get("name") is None else said["name"]
        feedback_by(giver, name, session_id=session_id, trace_id=trace_id, **judgement)
    except ConfigurationError as error:
        return FeedbackAnswer(400, str(error))
    return FeedbackAnswer(204)


def _about(keys: Keys, token: object, visitor: Visitor) -> tuple[str, str | None, str]:
    """Return the trace and the session that a token names, and who comes with it.

    That is the user to whom it was given, known or not; where it was given to nobody in particular, the user who has it
    now, and all who are nobody in particular either are one.
    """
    if not isinstance(token, str) or not token:
        raise ValueError("there is no token; send trace.feedback_token as 'token'")
    payload, issued = unsigned(_signer(keys), token)
    trace_id, _, rest = payload.partition(".")
    session_id, _, owner = rest.partition(".")
    if not _TRACE_ID.match(trace_id):
        raise TokenError("malformed")
    if keys.now() - issued > LIFETIME:
        raise TokenError("expired")
    if owner and visitor.identifier is not None and not keys.is_owner(owner, visitor.identifier):
        raise TokenError("somebody else's")
    return trace_id, unpacked(session_id) if session_id else None, owner or keys.owner(visitor.identifier)


def _parsed(content_type: str | None, body: bytes) -> dict[str, Any]:
    try:
        fields = parse_form(content_type or "", body)
        said = json.loads(body) if fields is None else fields
    except (ValueError, RecursionError):
        raise ValueError("the body is neither JSON nor a form") from None
    if not isinstance(said, dict):
        raise ValueError("the body must be an object with 'token' and a judgement")
    return said if fields is None else _typed(fields)


def _typed(fields: dict[str, str]) -> dict[str, Any]:
    """Convert the texts of a form to what they stand for; a field that was left empty is left out."""
    typed: dict[str, Any] = {name: text for name, text in fields.items() if text}
    for name, kind in _KINDS.items():
        if name in typed:
            with suppress(KeyError, ValueError):  # `feedback` says what it must be instead
                typed[name] = kind(typed[name].strip().lower())
    return typed


@lru_cache(maxsize=64)
def _signer(keys: Keys) -> TimestampSigner:
    return keys.signer(SALT)
