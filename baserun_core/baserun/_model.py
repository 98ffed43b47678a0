"""Live sessions, traces and spans: values and their state, no policy and no I/O.

They compare by identity and are mutable while open. When a trace or span ends, its metadata, input and result are
copied, and it goes to the writer itself; later changes are not recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from baserun._calls import CallSource
from baserun._frame import Frame
from baserun._live import Live

RUNNING = "running"
OK = "ok"
ERROR = "error"
CANCELLED = "cancelled"

BASE_SIZE = 512
"""Estimated size in the queue of a record without content, in bytes."""


class SessionHost(Protocol):
    """The web request that a session belongs to; it decides as late as possible which session it is."""

    def user(self) -> tuple[str | None, int]:
        """Return the request's user, and how firmly that user is known."""

    def identify(self, session: Session, user_identifier: str) -> Session:
        """Set the user at the application's word, and return the session that is theirs."""

    def end(self, session: Session) -> None:
        """End the session; what follows in the request is in a new one."""

    def expect_calls(self) -> None:
        """Decide the session before the headers: models will be called after them."""

    def token(self) -> str:
        """Return the signed token that resumes the session."""

    def block_left(self, trace: Trace, error: BaseException | None) -> None:
        """Note that a block of another session was left with `error`, in which `trace` of the request was used."""


class Session(Live):
    """One longer interaction of a user: a conversation, an agent's task.

    Attributes:
        id: 1 to 200 printable ASCII characters.
        user_identifier: The user, or None if unknown.
        previous_id: The id of the session that this one follows, or None.
        metadata: A dict to write your own facts into; recorded when the session starts and when its block ends.
    """

    id: str
    _user_identifier: str | None = None
    _strength: int = 0
    previous_id: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    was_opened: bool = False
    """It was started or resumed, here or in the process that pickled it; False before the first touch."""
    recorded_by: object = None
    """The recorder that has recorded it; None if none in this process has. After `init` a new one does so again."""
    _frame: Frame | None = None
    _host: SessionHost | None = None

    @property
    def _is_resumed(self) -> bool:
        """Whether opening it at the first touch resumes a session rather than starts one."""
        return False

    @property
    def token(self) -> str:
        """A signed value by which a web client resumes the session, in the header ``Baserun-Session`` or the cookie.

        It is bound to the session's user. It identifies the session; never accept it as a credential.
        """
        from baserun.web import token_of

        return token_of(self)

    @property
    def user_identifier(self) -> str | None:
        return self._user_identifier

    @property
    def user_strength(self) -> int:
        """How firmly the user is known: 0 not at all, 1 adopted from a provider call, 2 authenticated, 3 explicit."""
        return self._strength

    def identify(self, user_identifier: str) -> Session:
        """Set the user of this session.

        Returns:
            This session; or, if it already belongs to another user, a new session of `user_identifier` with this one
            as its `previous_id`, which replaces it as the current session.

        Raises:
            ConfigurationError: `user_identifier` cannot identify a user.
        """
        from baserun._sessions import identify_session

        return identify_session(self, user_identifier)

    def end(self) -> None:
        """End the session; it can be resumed by its id."""
        from baserun._sessions import end_session

        end_session(self)

    def __reduce__(self) -> tuple[type[Session], tuple[Any, ...]]:
        """Pickle its identity, user and metadata, but not where it is current in this process."""
        owner = (self.user_identifier, self.user_strength)
        return Session, (self.id, *owner, self.previous_id, self.metadata, self.was_opened)

    def __repr__(self) -> str:
        return f"<baserun.Session {self.id}>"


class Trace(Live):
    """One unit of work in a session: a web request, a decorated function, a test. It is the root of its spans.

    Attributes:
        id: 32 hexadecimal digits (W3C Trace Context).
        name: The name, such as ``POST /chat``.
        kind: The kind of work, such as ``request``, ``function`` or ``test``.
        session: The session that it belongs to, or None.
        metadata: A dict to write your own facts into; recorded when the trace ends.
        tags: The tags set by `baserun.tag` in this trace.
        result: The result; recorded as content when the trace ends.
        status: ``running``, ``ok``, ``error`` or ``cancelled``.
        duration_us: The duration in microseconds; None while it runs.
    """

    id: str
    session: Session | None
    name: str
    kind: str
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    tags: dict[str, Any] = msgspec.field(default_factory=dict)
    result: Any = None
    status: str = RUNNING
    error: tuple[str, str | None] | None = None
    duration_us: int | None = None
    muted: bool = False
    contentless: bool = False
    at_touch: Callable[[], None] | None = None
    """Called when something is first recorded in the trace; a trace that ends before that is not recorded."""
    follows: Trace | None = None
    """The previous trace of the same request; `current_trace` returns it until something is recorded here."""
    remote: bool = False
    """Another process began it, and ends it."""
    parent_span_id: str | None = None
    """The span in the other process under which the spans of a remote trace are recorded here."""
    recorded: tuple[Any, Any, Any] | None = None
    """Snapshots of metadata, tags and result, taken at the end."""
    started_us: int = 0
    _start_ns: int = 0

    @property
    def user_identifier(self) -> str | None:
        return None if self.session is None else self.session.user_identifier

    @property
    def session_id(self) -> str | None:
        return None if self.session is None else self.session.id

    @property
    def feedback_token(self) -> str:
        """A signed value by which a web client can give feedback on this trace, and on no other."""
        from baserun.web import feedback_token_of

        return feedback_token_of(self)

    def __repr__(self) -> str:
        return f"<baserun.Trace {self.name!r} {self.id} {self.status}>"


class Span(Live):
    """A timed piece of a trace.

    Attributes:
        id: 16 hexadecimal digits (W3C Trace Context).
        trace: The trace that it belongs to.
        name: The name, such as ``look_up``.
        kind: ``function``, ``llm``, ``embedding``, ``tool`` or a word of your own.
        metadata: A dict to write your own facts into; recorded when the span ends.
        input: The input; recorded as content when the span ends.
        result: The result; recorded as content, in the field ``output``, when the span ends.
        status: ``running``, ``ok``, ``error`` or ``cancelled``.
        duration_us: The duration in microseconds; None while it runs.
    """

    id: str
    trace: Trace
    parent_id: str | None
    name: str
    kind: str
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    input: Any = None
    result: Any = None
    status: str = RUNNING
    error: tuple[str, str | None] | None = None
    duration_us: int | None = None
    muted: bool = False
    contentless: bool = False
    whole_trace: bool = False
    """The trace was made for this span alone; both end together and are one record."""
    recorded: tuple[Any, Any, Any] | None = None
    """Snapshots of metadata, input and result, taken at the end."""
    source: CallSource | None = None
    """Of a call to a model: where the writer's thread reads its details from."""
    started_us: int = 0
    _start_ns: int = 0

    @property
    def trace_id(self) -> str:
        return self.trace.id

    def __repr__(self) -> str:
        return f"<baserun.Span {self.name!r} {self.id} {self.status}>"
