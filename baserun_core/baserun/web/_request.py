"""The life of a web request or websocket connection, the same under every framework.

An integration subclasses `WebRequest`, which reads the framework's request, and calls it at these moments:

    request = FrameworkRequest(policy)       # at the start; nothing is read, decided or stored yet
    with request.entered(): ...              # around the application, and around each piece of a streamed body
    changes = request.respond(status, get)   # when the headers are known: what to add to them
    request.user_changed()                   # when somebody logs in or out in the middle (optional)
    request.logged_in()                      # the same for signals of the framework; also request.logged_out()
    request.finish(error)                    # once the body has ended, failed or been given up; more often is harmless
"""

from __future__ import annotations

from baserun._context import current
from baserun._current import recorder
from baserun._guard import guarded, report
from baserun._identity import STRENGTH_AUTHENTICATED, STRENGTH_EXPLICIT, STRENGTH_NONE
from baserun._model import ERROR, Session, Trace
from baserun.web._entered import Entered
from baserun.web._incoming import IncomingRequest
from baserun.web._options import ALL
from baserun.web._outgoing import carry, forget, has_news, signed
from baserun.web._policy import Decision, SessionPolicy
from baserun.web._request_frame import RequestFrame
from baserun.web._request_traces import UNNAMED, RequestTraces, is_annotated
from baserun.web._response import READING_METHODS, GetHeader, ResponseChanges, is_live, may_carry
from baserun.web._session import UNDECIDED, WebSession
from baserun.web._visitor import UNKNOWN, Visitor


class WebRequest(IncomingRequest):
    """One request: its session, its traces, and the frame in which both are current."""

    __slots__ = (
        "_decided_for",
        "_expects_calls",
        "_explicit",
        "_route",
        "_was_ended",
        "frame",
        "is_logged_out",
        "session",
        "status_code",
        "traces",
    )

    def __init__(self, policy: SessionPolicy) -> None:
        self.policy = policy
        self.session = WebSession(UNDECIDED, _host=self)
        clock = recorder().clock
        self.traces = RequestTraces(self, clock.now_us(), clock.monotonic_ns())
        self.frame = RequestFrame(None, self.session, None, None, traces=self.traces)
        self.is_logged_out = False
        self.status_code: int | None = None
        self._decided_for = UNKNOWN
        self._expects_calls = False
        self._explicit: str | None = None
        self._looking_thread = None
        self._route: str | None = None
        self._was_ended = False

    def entered(self) -> Entered:
        """Return a block in which the session is current, whatever was current before in this context."""
        return Entered(self.frame)

    @property
    def trace(self) -> Trace:
        """The trace of the request; begun on first access."""
        return self.frame.trace

    def visitor(self) -> Visitor:
        """Return who sent the request, asking the application if needed; no session is touched."""
        return self._find() if self._explicit is None else Visitor(self._explicit)

    # Called by the session: its `SessionHost`.

    def decide(self, session: WebSession) -> Decision:
        """Decide which session it is, at the first touch."""
        if session is not self.session and session.decision is not None:
            return session.decision
        visitor = self._find()
        with self.policy.lock:
            if session.decision is None:
                self._decide(session, visitor)
            assert session.decision is not None
            return session.decision

    def _decide(self, session: WebSession, visitor: Visitor) -> None:
        policy = self.policy
        self._decided_for = visitor
        if session.is_fresh:
            decision = policy.new(policy.keys.owner(visitor.identifier or self._explicit))
        else:
            decision = self._trusted() or policy.decide(self._tokens(), visitor, self._explicit)
        user = self._explicit or visitor.identifier or decision.user_identifier
        if user is not None:
            session._user_identifier = user
            session._strength = STRENGTH_AUTHENTICATED if self._explicit is None else STRENGTH_EXPLICIT
        session.owner = decision.owner
        session.was_shown = decision.is_resumed
        session.decision = decision

    def open(self, session: WebSession) -> None:
        """Record the session as opened, because its id was read."""
        frame = current()
        if frame is None or not frame.muted:
            recorder().open_touched_session(session)

    def user(self) -> tuple[str | None, int]:
        """Return the user and its strength, for a session that the application starts inside the request."""
        if self._explicit is not None:
            return self._explicit, STRENGTH_EXPLICIT
        session = self.session
        if session.decision is not None:
            return session.user_identifier, session.user_strength
        visitor = self._find()
        return visitor.identifier, STRENGTH_NONE if visitor.identifier is None else STRENGTH_AUTHENTICATED

    def token(self) -> str:
        """Return the token of the session, which its owner can resume it by."""
        mine = self.session
        mine.id  # noqa: B018  (the first touch)
        mine.was_shown = True
        return signed(self, mine, mine.decision or self.decide(mine))

    # Called for the application.

    def identify(self, session: Session, user_identifier: str) -> Session:
        """Set the user at the application's word. Before the first touch this is only noted, and does not touch."""
        self._explicit = user_identifier
        mine = self.session  # `session` may be one that was replaced in this request
        if mine.decision is None:
            return mine
        if mine.user_strength < STRENGTH_EXPLICIT and self._return_to_own(Visitor(user_identifier), STRENGTH_EXPLICIT):
            return self.session
        is_same = mine.user_identifier == user_identifier
        if is_same or (mine.user_strength < STRENGTH_EXPLICIT and self._fits(mine, user_identifier)):
            recorder().identify(mine, user_identifier, STRENGTH_EXPLICIT)
            if self._decided_for.identifier is None:
                self._bind(mine, user_identifier)
            return mine
        is_first_word = self._decided_for.is_unknown and mine.user_strength < STRENGTH_AUTHENTICATED
        return self._follow(Visitor(user_identifier), strength=STRENGTH_EXPLICIT, moves_trace=is_first_word)

    def end(self, session: Session) -> None:
        """End the session; what follows is in a new one, linked to nothing."""
        if session is not self.session:
            recorder().end_session(session)
            return
        mine = self.session
        decision = mine.decision or self.decide(mine)
        if mine.was_opened:
            recorder().end_session(mine)
        elif decision.is_resumed:
            recorder().end_session(decision.session_id)
        self._was_ended = True
        self._put_in_place(WebSession(UNDECIDED, _host=self, is_fresh=True), moves_trace=False)

    def block_left(self, trace: Trace, error: BaseException | None) -> None:
        """End the trace of a message. That of a request waits for the response, whose end decides how it ended."""
        if self.is_websocket():
            with guarded("finishing the trace of a message"):
                self._describe_trace(trace)
                self._identify_session_of(trace)
                recorder().finish_trace(trace, error)

    def user_changed(self) -> None:
        """Start a linked session after a login or logout in the middle of the request."""
        with guarded("following a login"):
            session = self.session
            if session.decision is None or self._decided_for.is_unknown:
                return
            now = self._peek()
            if not now.is_unknown and now != self._decided_for:
                self._explicit = None  # it was set for the previous user
                self._follow(now, moves_trace=False)

    def logged_in(self) -> None:
        """Follow the framework's signal of a login."""
        self.is_logged_out = False
        self.user_changed()

    def logged_out(self) -> None:
        """Follow the framework's signal of a logout, which it sends before it removes the user.

        From now on `peek_user` must return `ANONYMOUS`, as `is_logged_out` tells it.
        """
        self.is_logged_out = True
        self.user_changed()

    def expect_calls(self) -> None:
        """Send the cookie with the headers, because models will be called while the body is sent."""
        self._expects_calls = True

    # Replacing the session.

    def _look_again(self) -> None:
        """Look for the user again: one who was not known at the first touch may be now, and may not own the session."""
        session, before = self.session, self._decided_for
        if session.decision is None or before.identifier is not None or self._explicit is not None:
            return
        visitor = self._peek()
        if visitor.is_unknown or visitor == before:
            return
        if self._return_to_own(visitor, STRENGTH_AUTHENTICATED):
            return
        if self._fits(session, visitor.identifier):
            if visitor.identifier is not None:
                recorder().identify(session, visitor.identifier, STRENGTH_AUTHENTICATED)
            self._bind(session, visitor.identifier)
            self._decided_for = visitor
        else:
            self.policy.ignore("foreign")
            self._follow(visitor, moves_trace=True)

    def _return_to_own(self, visitor: Visitor, strength: int) -> bool:
        """Resume the session of a token that was ignored because its owner was still taken for anonymous."""
        old, before = self.session, self._decided_for
        if not before.is_anonymous or old.decision is None or old.decision.is_trusted or old.is_fresh:
            return False
        decision = self.policy.decide(self._tokens(), visitor, None)
        if decision.is_resumed:
            is_authenticated = strength == STRENGTH_AUTHENTICATED
            self._decided_for = visitor if is_authenticated else before
            fresh = self._session_of(decision, visitor, strength)
            self._put_in_place(fresh, moves_trace=is_authenticated or not old.was_shown)
        return decision.is_resumed

    def _fits(self, session: WebSession, user_identifier: str | None) -> bool:
        """Whether the session can be this user's: no one else holds a token of it, or a trusted service named it."""
        is_trusted = session.decision is not None and session.decision.is_trusted
        if not session.was_shown or is_trusted or self._decided_for.identifier is not None:
            return True
        return self.policy.keys.is_owner(session.owner, user_identifier)

    def _bind(self, session: WebSession, user_identifier: str | None) -> None:
        session.owner = self.policy.keys.owner(user_identifier)  # by the newest key, whichever it was bound by

    def _follow(self, visitor: Visitor, *, moves_trace: bool, strength: int = STRENGTH_AUTHENTICATED) -> WebSession:
        """Replace the session by a new one of `visitor`, linked to it."""
        old = self.session
        assert old.decision is not None
        if strength == STRENGTH_AUTHENTICATED:
            self._decided_for = visitor
        owner = self.policy.keys.owner(self._decided_for.identifier or visitor.identifier)
        decision = self.policy.new(owner, old.decision.session_id, old.decision.source)
        fresh = self._session_of(decision, visitor, strength)
        self._put_in_place(fresh, moves_trace=moves_trace)
        return fresh

    def _session_of(self, decision: Decision, visitor: Visitor, strength: int) -> WebSession:
        session = WebSession(UNDECIDED, _host=self)
        session.decision = decision
        session.owner = decision.owner
        session.was_shown = decision.is_resumed
        if visitor.identifier is not None:
            session._user_identifier, session._strength = visitor.identifier, strength
        return session

    def _put_in_place(self, fresh: WebSession, *, moves_trace: bool) -> None:
        self.session = fresh
        self.frame.change_session(fresh, moves_trace=moves_trace)
        self.publish(fresh)

    # The headers.

    def respond(self, status: int, get_header: GetHeader) -> ResponseChanges | None:
        """Return what to change in the headers before they are sent, or None for nothing."""
        self.status_code = status
        try:
            return self._respond(status, get_header)
        except Exception as error:
            report("preparing the headers of a response", error)
            return None

    def _respond(self, status: int, get_header: GetHeader) -> ResponseChanges | None:
        if self.is_untouched and not self.is_expecting(get_header):
            return None
        self._touch_what_was_written_to()
        self._look_again()
        session = self.session
        carries = session.is_touched or self.is_expecting(get_header)
        decision = (session.decision or self.decide(session)) if carries else None
        if decision is not None and not has_news(self, session, decision):
            return None
        if not recorder().config.enabled or not may_carry(status, get_header):
            return None
        return forget(self, get_header) if decision is None else carry(self, session, decision, get_header)

    def _touch_what_was_written_to(self) -> None:
        """Touch the session and the trace if the application has set metadata, tags or a result on them."""
        session, trace = self.session, self.traces.latest
        if trace is not None and trace.at_touch is not None and is_annotated(trace):
            recorder().touch_trace(trace)
        if session.metadata and not session.was_opened:
            session.id  # noqa: B018  (the first touch)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has happened that the response headers must reflect (unless it is a live stream)."""
        session, trace = self.session, self.traces.latest
        return not (
            session.was_opened
            or session.metadata
            or self._expects_calls
            or self._was_ended
            or (trace is not None and is_annotated(trace))
        )

    def is_expecting(self, get_header: GetHeader) -> bool:
        """Whether calls may still be made while the body is sent, so that the session is decided with the headers."""
        if not (self._expects_calls or is_live(get_header)) or self.method() not in READING_METHODS:
            return False
        return "prefetch" not in (self.header("sec-purpose") or "")

    # The end.

    def finish(self, error: BaseException | None = None, *, status: str | None = None) -> None:
        """Finish the traces of the request: its response has ended, or failed. Only the first call counts.

        Args:
            error: The exception that the application raised, or that stopped it.
            status: The status of the traces where it does not follow from `error`, such as ``cancelled``.
        """
        traces = self.traces
        if traces.is_finished:
            return
        if traces.latest is None and self.session.decision is None and self.policy.options.record_requests != ALL:
            traces.is_finished = True
            return
        with guarded("finishing the trace of a request"):
            self.trace  # noqa: B018  (begun before `is_finished`, after which it would end as it begins)
            traces.is_finished = True
            self._finish(error, status)

    def go_on(self) -> None:
        """Let work that the application does after the body, such as ``call_on_close``, belong to the request too."""
        self.traces.go_on()

    def _finish(self, error: BaseException | None, status: str | None) -> None:
        if self._decided_for.is_unknown:  # who was found to be anonymous before the headers is not looked up again
            self._look_again()
        if status is None and error is None and self.status_code is not None and self.status_code >= 500:
            status = ERROR
        if self.trace.at_touch is not None and self._is_worth_recording(error):
            if not (self.session.was_opened or is_annotated(self.trace)):
                self.trace.session = None  # recorded, but in no session: none was touched
            recorder().touch_trace(self.trace)
        touched = self.traces.touched()
        for trace in touched:
            self._describe_trace(trace)
            self._identify_session_of(trace)
        if touched and self.session.was_opened:
            recorder().update_session(self.session)
        self.traces.finish(error, status)

    def _is_worth_recording(self, error: BaseException | None) -> bool:
        """Whether to record the trace although nothing was recorded in it."""
        if is_annotated(self.trace):
            return True
        if self.traces.left:
            return False
        if self.session.was_opened and isinstance(error, Exception):  # or the failure would be recorded nowhere
            return True
        return self.policy.options.record_requests == ALL

    def _name_trace(self, trace: Trace) -> None:
        """Name the trace by the route, or by the path until that is known, unless the application has named it."""
        with guarded("naming a request"):
            method, path = self.method(), self.path()
            self._route = self._route or self.route()
            if trace.name in (UNNAMED, f"{method} {path}"):
                trace.name = f"{method} {self._route or path}"

    def _describe_trace(self, trace: Trace) -> None:
        self._name_trace(trace)
        with guarded("describing a request"):
            metadata = trace.metadata
            metadata.setdefault("method", self.method())
            if self._route is not None:
                metadata.setdefault("route", self._route)
            if self.status_code is not None:
                metadata.setdefault("status_code", self.status_code)

    def _identify_session_of(self, trace: Trace) -> None:
        """Give the request's user to a session that the application opened in the request without a user."""
        session = trace.session
        if session is None or session._host is not None or session.user_strength != STRENGTH_NONE:
            return
        if self._explicit is not None:
            recorder().identify(session, self._explicit, STRENGTH_EXPLICIT)
        else:
            visitor = self._peek()
            if visitor.identifier is not None:
                recorder().identify(session, visitor.identifier, STRENGTH_AUTHENTICATED)
