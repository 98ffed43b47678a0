"""Sessions, traces and spans while they live: values and their own state, no policy and no I/O.

They compare by identity and stay mutable while open. At its end a trace or span takes a snapshot of what its owner put
into it and is handed to the writer as it is; whatever its owner changes afterwards is not recorded.
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
"""What a record without content is taken to weigh in the queue, in bytes."""


class SessionHost(Protocol):
    """What a session belongs to that was not started by hand: a web request, which decides late and looks again."""

    def user(self) -> tuple[str | None, int]:
        """Who the user is as far as the request can tell, and how firmly."""

    def identify(self, session: Session, user_identifier: str) -> Session:
        """The application says who the user is; the session that is theirs."""

    def end(self, session: Session) -> None:
        """The application ends the session; what comes now is another one."""

    def expect_calls(self) -> None:
        """Calls will be made when it is too late to say in which session."""

    def token(self) -> str:
        """The signed token that resumes the session."""


class Session(Live):
    """One longer interaction of a user: a conversation, an agent's task.

    Attributes:
        id: 1 to 200 printable ASCII characters.
        user_identifier: Whose it is, or None while nobody knows.
        previous_id: The session that this one carries on from.
        metadata: A dict of your own; recorded when the session is started and again when its block ends.
    """

    id: str
    _user_identifier: str | None = None
    _strength: int = 0
    previous_id: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    opened: object = None
    """The recorder that was told of it, or anything true where that was another process's; None before its first touch.
    After `init` there is another recorder, whose store knows nothing of it yet."""
    _frame: Frame | None = None
    _host: SessionHost | None = None

    @property
    def _is_resumed(self) -> bool:
        """Whether it goes on with what was there before, when it is opened at its first touch."""
        return False

    @property
    def token(self) -> str:
        """A signed value with which a web client resumes the session: in the header ``Baserun-Session`` or the cookie.

        It says which session, and holds for its user only. It is an identifier, never a credential.
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
        """Say whose session this is.

        Returns:
            This session; or, when it already belongs to somebody else, a new one of that user's with this one as its
            `previous_id`, which takes its place wherever it is current.
        """
        from baserun._sessions import identify_session

        return identify_session(self, user_identifier)

    def end(self) -> None:
        """End the session. An end is a pause: starting it again by its id goes on with it."""
        from baserun._sessions import end_session

        end_session(self)

    def __reduce__(self) -> tuple[type[Session], tuple[Any, ...]]:
        """What of it goes to another process: whose it is and what is known of it, not where it is current here."""
        owner = (self.user_identifier, self.user_strength)
        return Session, (self.id, *owner, self.previous_id, self.metadata, self.opened is not None or None)

    def __repr__(self) -> str:
        return f"<baserun.Session {self.id}>"


class Trace(Live):
    """One unit of work in a session: a web request, a decorated function, a test. It is the root of its spans.

    Attributes:
        id: 32 hexadecimal digits (W3C Trace Context).
        name: What was done, such as ``POST /chat``.
        metadata: A dict of your own, recorded at the end.
        tags: What `baserun.tag` said in this trace.
        result: What came out of it; recorded as content at the end.
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
    """Called when something is first recorded in the trace. While it is set nothing is recorded at the end."""
    follows: Trace | None = None
    """The trace of the same request before this one; it is the one to speak of until something is recorded here."""
    remote: bool = False
    """It was begun in another process, which also ends it."""
    parent_span_id: str | None = None
    """The span of the other process that a remote trace goes on from."""
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
        """A signed value with which a web client gives feedback on this trace, and on no other."""
        from baserun.web import feedback_token_of

        return feedback_token_of(self)

    def __repr__(self) -> str:
        return f"<baserun.Trace {self.name!r} {self.id} {self.status}>"


class Span(Live):
    """A timed piece of a trace.

    Attributes:
        id: 16 hexadecimal digits (W3C Trace Context).
        trace: The trace that it is a piece of.
        name: What was done.
        kind: ``function``, ``llm``, ``embedding``, ``tool`` or a word of your own.
        metadata: A dict of your own, recorded at the end.
        input: What went in; recorded as content at the end.
        result: What came out; recorded as content (the field ``output``) at the end.
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
    """There was no trace, so one was made for this span; it ends with it, and is recorded with it."""
    recorded: tuple[Any, Any, Any] | None = None
    """Snapshots of metadata, input and result, taken at the end."""
    source: CallSource | None = None
    """For a call to a model: what its details are read from, on the writer's thread."""
    started_us: int = 0
    _start_ns: int = 0

    @property
    def trace_id(self) -> str:
        return self.trace.id

    def __repr__(self) -> str:
        return f"<baserun.Span {self.name!r} {self.id} {self.status}>"
