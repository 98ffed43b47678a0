"""Starting, resuming, nesting and ending sessions by hand, and saying whose they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from baserun._arguments import check_bool, check_metadata
from baserun._context import child, current, enter, follow, lasting, leave
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
from baserun._runtime import recorder
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

    The outermost session binds: inside another session's block and without a `session_identifier` the block is in that
    session, and a `user_identifier` says whose it is (a user other than the one it belongs to gets a session of their
    own, linked by `previous_id`). With another `session_identifier` the block is in that one, and after it the outer
    session is current again.

    Args:
        user_identifier: Whose session it is, usually ``baserun.hash_user(email)``. None: nobody knows (yet).
        session_identifier: The session to go on with, or an id of your own (1 to 200 printable ASCII characters), such
            as that of a conversation in your database. None: a new one.
        auto_end: End the session that the block started or resumed when the block is left. An end is a pause.
        metadata: Facts about the session; they join those that it has.
        capture_content: False records no content in this block, whatever the process does elsewhere. True lifts
            nothing: content is recorded only where neither the process nor a block around this one says no.

    Raises:
        ConfigurationError: An argument cannot be used; the message says what to write.
    """
    return SessionScope(
        None if user_identifier is None else check_user_identifier(user_identifier),
        None if session_identifier is None else check_session_identifier(session_identifier),
        auto_end if auto_end is True else check_bool(auto_end, "auto_end"),
        None if metadata is None else check_metadata(metadata),
        None if capture_content is None else check_bool(capture_content, "capture_content"),
    )


class SessionScope(Scope[Session]):
    """What `with_session` gives."""

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
        # The id of a session that is not open is not asked for: that would be its first touch.
        if self._session_identifier is not None and not (session.opened and self._session_identifier == session.id):
            return False
        if session._host is not None:
            return True
        return self._user_identifier is None or not _is_of_another(session, self._user_identifier)

    def _close(self, error: BaseException | None) -> None:
        session = self._session
        if session is None or self._block is None:
            return
        if self._adopted is not None and self._block.parent is not None:
            _give_back_trace(self._adopted, self._block.parent)
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

    Unlike a nested `with_session` it never inherits the session that is current. Prefer `with_session`, which cannot be
    forgotten to end. Arguments and errors are those of `with_session`.
    """
    user = None if user_identifier is None else check_user_identifier(user_identifier)
    wanted = None if session_identifier is None else check_session_identifier(session_identifier)
    outer = current()
    session = _begin(outer, user, wanted, None, check_metadata(metadata))
    session._frame = lasting(outer, session)
    enter(session._frame)
    return session


def end_session(session: Session | str) -> None:
    """End a session, by itself or by its id, in whatever process it was started.

    An end is a pause: `with_session` with its id goes on with it.
    """
    if isinstance(session, str):
        session_id = check_session_identifier(session)
        current_one = _current_with_id(session_id)
        if current_one is None:
            recorder().end_session(session_id)
            return
        session = current_one
    if not isinstance(session, Session):
        raise ConfigurationError(f"end_session() takes a session or its id, not {type(session).__name__}")
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
    """End what else was current in a block that is left, because the user changed in it."""
    if block.linked is None:
        return
    others = [each for each in (block.session, *block.linked) if each is not None and each is not ended]
    for other in sorted(others, key=lambda each: each.id):
        other._frame = None
        recorder().end_session(other)


def _current_with_id(session_id: str) -> Session | None:
    """The session of this id among those in whose blocks this code runs."""
    frame = current()
    while frame is not None:
        session = frame.session
        # The id of a request's session that is not open is not asked for: that would be its first touch.
        is_decided = session is not None and (session.opened or session._host is None)
        if session is not None and is_decided and session.id == session_id and not frame.closed:
            return session
        frame = frame.parent
    return None


def current_session() -> Session | None:
    """The session in whose block this code runs, or None."""
    frame = current()
    return None if frame is None else frame.session


def expect_calls() -> None:
    """Say that calls to models will be made while the response is streamed.

    In a web request, a session that begins after the headers are sent cannot be resumed by the next request. After this
    call the session is decided in time and its cookie goes out with the headers. Live streams (``text/event-stream``
    and ``application/x-ndjson`` without a length) need it not. Outside of a web request it has no effect.
    """
    session = current_session()
    if session is not None and session._host is not None:
        session._host.expect_calls()


def identify(user_identifier: str) -> Session | None:
    """Say who the user of the current session is; see `Session.identify`.

    Returns:
        The session that is current from now on; None, with a line in the log, where there is none.
    """
    checked = check_user_identifier(user_identifier)
    session = current_session()
    if session is None:
        say_once("identify", "baserun.identify() was called outside of any session; it has no effect there")
        return None
    return identify_session(session, checked)


def identify_session(session: Session, user_identifier: str) -> Session:
    """Give `session` its user, or, where it is somebody else's, put a linked session of theirs in its place.

    An open trace stays where it began; what comes after the change begins one of its own.
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
        linked._frame = block  # started by hand: ending the one that followed leaves the block of both
    return linked


def _is_of_another(session: Session, user_identifier: str) -> bool:
    """Whether `session` is firmly known to be somebody else's."""
    owner = session.user_identifier
    if owner is None or owner == user_identifier or session.user_strength < STRENGTH_EXPLICIT:
        return False
    key = recorder().config.user_key  # a session that came from another process may carry its user as a pseudonym
    return pseudonym(owner, key) != pseudonym(user_identifier, key)


def _begin(
    outer: Frame | None, user: str | None, wanted: str | None, previous_id: str | None, metadata: dict[str, Any] | None
) -> Session:
    current_recorder = recorder()
    strength = STRENGTH_NONE if user is None else STRENGTH_EXPLICIT
    host = None if outer is None or outer.session is None else outer.session._host
    if user is None and host is not None:
        user, strength = host.user()  # whoever sent the request is whoever has this conversation
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
    """The trace of a web request in which nothing is recorded yet goes on in `session`, the first to need one."""
    trace = outer.trace
    if trace is None or trace.at_touch is None or trace.session is not outer.session:
        return None
    trace.session = session
    return trace


def _give_back_trace(trace: Trace, outer: Frame) -> None:
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
        place.trace, place.span = following, None
        following = place.trace  # the outermost is the request's, which knows the next one
