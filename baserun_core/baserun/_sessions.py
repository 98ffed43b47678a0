"""Starting, resuming, nesting and ending sessions, and identifying their users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from baserun._arguments import check_bool, check_metadata
from baserun._context import child, current, enter, follow, lasting, leave
from baserun._current import recorder
from baserun._frame import Frame
from baserun._guard import say_once
from baserun._identity import (
    STRENGTH_EXPLICIT,
    STRENGTH_NONE,
    check_session_identifier,
    check_user_identifier,
    pseudonym,
)
from baserun._model import Session, Trace
from baserun._scope import Scope
from baserun.exceptions import ConfigurationError


def with_session(
    user_identifier: str | None = None,
    session_identifier: str | None = None,
    *,
    auto_end: bool = True,
    metadata: Mapping[str, Any] | None = None,
    capture_content: bool | None = None,
) -> SessionScope:
    """Run a block of code in a session: as ``with``, ``async with``, or decorator.

    The value of the block is the `Session`. Inside another session and without a `session_identifier`, the block joins
    that session and the `user_identifier` becomes its user; if it already has another user, the block gets a new
    session, linked to it by `previous_id`. With another `session_identifier` the block is in that session, and the
    outer one is current again afterwards.

    Args:
        user_identifier: The user, usually ``baserun.hash_user(email)``. None: not known (yet).
        session_identifier: The id of the session to resume; where there is none yet, it starts with that id. Ids of
            your own have 1 to 200 printable ASCII characters. None: a new session with a random id.
        auto_end: End the session when the block is left, unless the block joined an outer one. An ended session can
            be resumed.
        metadata: Facts about the session, merged into those that it has.
        capture_content: False records no content in this block. True does not override the process or an enclosing
            block that records none.

    Raises:
        ConfigurationError: An argument cannot be used; the message says what to write instead.
    """
    return SessionScope(
        None if user_identifier is None else check_user_identifier(user_identifier),
        None if session_identifier is None else check_session_identifier(session_identifier),
        auto_end if auto_end is True else check_bool(auto_end, "auto_end"),
        None if metadata is None else check_metadata(metadata),
        None if capture_content is None else check_bool(capture_content, "capture_content"),
    )


class SessionScope(Scope[Session]):
    """The block or decorator that `with_session` returns."""

    _session: Session | None = None
    _block: Frame | None = None
    _adopted: Trace | None = None
    _is_own = False

    def __init__(
        self,
        user_identifier: str | None,
        session_identifier: str | None,
        auto_end: bool,
        metadata: dict[str, Any] | None,
        capture_content: bool | None,
    ) -> None:
        self._user_identifier = user_identifier
        self._session_identifier = session_identifier
        self._auto_end = auto_end
        self._metadata = metadata
        self._capture_content = capture_content

    def __repr__(self) -> str:
        return "with_session(...)"

    def _again(self, function: Callable[..., Any]) -> SessionScope:
        return SessionScope(
            self._user_identifier,
            self._session_identifier,
            self._auto_end,
            None if self._metadata is None else dict(self._metadata),
            self._capture_content,
        )

    def _open(self) -> tuple[Session, Frame]:
        outer = current()
        session = None if outer is None else outer.session
        if outer is not None and session is not None and self._is_inherited(session):
            if self._user_identifier is not None:
                session = identify_session(session, self._user_identifier)
            frame = child(outer, session=session, trace=outer.trace, span=outer.span)
            if self._metadata:
                session.metadata.update(self._metadata)
        else:
            previous_id = session.id if session is not None and self._session_identifier is None else None
            session = _begin(outer, self._user_identifier, self._session_identifier, previous_id, self._metadata)
            if outer is None:
                frame = Frame(None, session, None, None)
            else:
                self._adopted = _adopt_trace(outer, session)
                frame = child(outer, session=session, trace=self._adopted, span=None)
            self._is_own = True
        if self._capture_content is False:
            frame.contentless = True
        self._session = session
        self._block = frame
        return session, frame

    def _is_inherited(self, session: Session) -> bool:
        # Only an opened session is asked for its id: for a request's session that would be the first touch.
        if self._session_identifier is not None and not (session.was_opened and self._session_identifier == session.id):
            return False
        if session._host is not None:
            return True
        return self._user_identifier is None or not _is_of_another(session, self._user_identifier)

    def _close(self, error: BaseException | None) -> None:
        session = self._session
        if session is None or self._block is None:
            return
        if self._adopted is not None and self._block.parent is not None:
            _give_back_trace(self._adopted, self._block.parent, error)
        if not (self._is_own and self._auto_end):
            if type(session.metadata) is not dict or session.metadata:
                recorder().update_session(session)
            return
        recorder().end_session(session)
        _end_followers(self._block, session)


def start_session(
    user_identifier: str | None = None,
    session_identifier: str | None = None,
    *,
    metadata: Mapping[str, Any] | None = None,
) -> Session:
    """Start a session, or resume one by its id, and make it current until `end_session`.

    Unlike a nested `with_session`, it never joins the current session. Prefer `with_session`, which ends by itself.
    Arguments and errors are those of `with_session`.
    """
    user = None if user_identifier is None else check_user_identifier(user_identifier)
    wanted = None if session_identifier is None else check_session_identifier(session_identifier)
    outer = current()
    session = _begin(outer, user, wanted, None, check_metadata(metadata))
    session._frame = lasting(outer, session)
    enter(session._frame)
    return session


def end_session(session: Session | str) -> None:
    """End a session, given as a `Session` or by its id, whichever process started it.

    An ended session can be resumed: `with_session` with its id opens it again.

    Raises:
        ConfigurationError: `session` is neither a `Session` nor a valid id.
    """
    if isinstance(session, str):
        session_id = check_session_identifier(session, "the id of the session", "write the session, or its id")
        current_one = _current_with_id(session_id)
        if current_one is None:
            recorder().end_session(session_id)
            return
        session = current_one
    if not isinstance(session, Session):
        kind = type(session).__name__
        raise ConfigurationError(
            f"end_session() takes a session or its id, not {kind}; for an integer or UUID write str(value)"
        )
    block, session._frame = session._frame, None
    if block is not None:
        leave(block)
    if session._host is not None:
        session._host.end(session)
    else:
        recorder().end_session(session)
    if block is not None:
        _end_followers(block, session)


def _end_followers(block: Frame, ended: Session) -> None:
    """End the other sessions that were current in this block because its user changed."""
    if block.linked is None:
        return
    others = [each for each in (block.session, *block.linked) if each is not None and each is not ended]
    for other in sorted(others, key=lambda each: each.id):
        other._frame = None
        recorder().end_session(other)


def _current_with_id(session_id: str) -> Session | None:
    """Return the enclosing session with this id, or None."""
    frame = current()
    while frame is not None:
        session = frame.session
        # As above: asking a request's session for its id would be the first touch.
        is_decided = session is not None and (session.was_opened or session._host is None)
        if session is not None and is_decided and session.id == session_id and not frame.closed:
            return session
        frame = frame.parent
    return None


def current_session() -> Session | None:
    """Return the session that this code runs in, or None."""
    frame = current()
    return None if frame is None else frame.session


def expect_calls() -> None:
    """Announce that models will be called while the response is streamed.

    A session that begins after the headers are sent cannot be resumed by the next request. After this call the session
    is decided before the headers, which carry its cookie. Live streams (``text/event-stream`` and
    ``application/x-ndjson`` without a ``Content-Length``) do not need it. Outside a web request it has no effect.
    """
    session = current_session()
    if session is not None and session._host is not None:
        session._host.expect_calls()


def identify(user_identifier: str) -> Session | None:
    """Set the user of the current session; see `Session.identify`.

    Returns:
        The session that is current from now on; None, with a warning in the log, if there is none.

    Raises:
        ConfigurationError: `user_identifier` cannot identify a user.
    """
    checked = check_user_identifier(user_identifier)
    session = current_session()
    if session is None:
        say_once("identify", "baserun.identify() was called outside of any session; it has no effect there")
        return None
    return identify_session(session, checked)


def identify_session(session: Session, user_identifier: str) -> Session:
    """Set the user of `session`; if it belongs to another user, replace it by a linked session of this one.

    An open trace stays in its session; what is recorded after the change gets a trace of its own.
    """
    user_identifier = check_user_identifier(user_identifier)
    if session._host is not None:
        return session._host.identify(session, user_identifier)
    if not _is_of_another(session, user_identifier):
        recorder().identify(session, user_identifier, STRENGTH_EXPLICIT)
        return session
    linked = _begin(current(), user_identifier, None, session.id, None)
    block = follow(session, linked)
    if block is not None and block is session._frame:
        linked._frame = block  # of `start_session`: ending the linked session leaves the block that both share
    return linked


def _is_of_another(session: Session, user_identifier: str) -> bool:
    """Whether `session` is firmly known to be somebody else's."""
    owner = session.user_identifier
    if owner == user_identifier or session.user_strength < STRENGTH_EXPLICIT:
        return False
    if owner is None:
        return True  # explicitly nobody's, as that of a recorded test run
    key = recorder().config.user_key  # a session that came from another process may carry its user as a pseudonym
    return pseudonym(owner, key) != pseudonym(user_identifier, key)


def _begin(
    outer: Frame | None, user: str | None, wanted: str | None, previous_id: str | None, metadata: dict[str, Any] | None
) -> Session:
    current_recorder = recorder()
    strength = STRENGTH_NONE if user is None else STRENGTH_EXPLICIT
    host = None if outer is None or outer.session is None else outer.session._host
    if user is None and host is not None:
        user, strength = host.user()  # the sender of the request is the user of its conversation
    session = Session(
        wanted or current_recorder.ids.session(),
        user,
        strength,
        previous_id,
        {} if metadata is None else metadata,
    )
    if outer is None or not outer.muted:
        current_recorder.open_session(session, resumed=wanted is not None)
    return session


def _adopt_trace(outer: Frame, session: Session) -> Trace | None:
    """Move the trace of a web request to `session` if nothing is recorded in it yet, and return it."""
    trace = outer.trace
    if trace is None or trace.at_touch is None or trace.session is not outer.session:
        return None
    trace.session = session
    return trace


def _give_back_trace(trace: Trace, outer: Frame, error: BaseException | None) -> None:
    """Undo `_adopt_trace` after the block: an unused trace returns to the outer session, a used one is left behind."""
    if trace.at_touch is not None:
        trace.session = outer.session
        return
    places: list[Frame] = []
    place: Frame | None = outer
    while place is not None:
        if place.trace is trace and place.session is not trace.session:
            places.append(place)
        place = place.parent
    following: Trace | None = None
    for place in reversed(places):  # what comes after the block is in another session, so in another trace
        following = place.leave_trace(following)  # the outermost is the request's, which begins the next one
    host = places[-1].session._host if places and places[-1].session is not None else None
    if host is not None:
        host.block_left(trace, error)
