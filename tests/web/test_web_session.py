"""The session object of a request, and its trace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import baserun
from baserun import Session, Trace
from baserun._values import snapshot
from baserun.exceptions import ConfigurationError
from baserun.testing import Captured, FakeClock
from baserun.web import (
    ANONYMOUS,
    UNKNOWN,
    ASGIMiddleware,
    active_request,
    feedback_token_of,
    known,
    token_of,
)
from told_visitors import ToldMiddleware

Ask = Callable[..., Awaitable[Any]]
Answering = Callable[..., Any]


def _trace() -> Trace:
    trace = baserun.current_trace()
    assert trace is not None
    return trace


async def test_has_all_that_a_session_has(captured: Captured, ask: Ask, answering: Answering) -> None:
    """The untouched session of a request is a `Session` with every field."""
    seen: list[Session | None] = []

    await ask(ASGIMiddleware(answering(lambda scope: seen.append(baserun.current_session()))))

    (session,) = seen
    assert isinstance(session, Session)
    for name in Session.__struct_fields__:
        assert hasattr(session, name)


async def test_looking_at_it_does_not_touch_it(captured: Captured, ask: Ask, answering: Answering) -> None:
    """The repr, a rich repr and a snapshot of a request's session do not touch it."""

    def look(scope: Any) -> str:
        session = baserun.current_session()
        assert not hasattr(session, "__rich_repr__")
        return f"{session!r} {snapshot({'session': session})[0]}"

    answer = await ask(ASGIMiddleware(answering(look)))

    assert answer.body.startswith(b"<baserun.Session of a request, untouched> {'session': Described(")
    assert b"identifier" not in answer.body
    assert answer.cookie is None
    assert captured.sessions == []


async def test_is_resolved_lazily_and_once(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """`get_user` is called at the first touch, not before and not again."""
    looked: list[int] = []
    calls = iter([0, 3])

    def get_user(scope: Any) -> str:
        looked.append(1)
        return "ann"

    app = ASGIMiddleware(answering(lambda scope: [call() for _ in range(next(calls))] and ""), get_user=get_user)
    await ask(app)
    assert looked == []
    await ask(app)

    assert looked == [1]


async def test_a_login_in_the_middle_of_a_request(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A call before a login stays in the anonymous session; one after it is in the user's, linked session."""

    def answer(scope: Any) -> None:
        call("before")
        scope["visitor"] = known("ann")
        request = active_request()
        assert request is not None
        request.user_changed()
        call("after")

    answered = await ask(ToldMiddleware(answering(answer)), visitor=ANONYMOUS)

    before, after = sorted(captured.sessions, key=lambda session: session.user_identifier is not None)
    assert (before.user_identifier, after.user_identifier) == (None, "ann")
    assert after.previous_id == before.id
    assert (before.llm_calls, after.llm_calls) == (1, 1)
    assert after.id in answered.cookie


@pytest.mark.parametrize("status", [200, 500])
async def test_what_comes_after_a_login_is_in_a_trace_of_the_request(
    captured: Captured, ask: Ask, answering: Answering, call: Any, status: int
) -> None:
    """The traces before and after a login both have the request's name, metadata and status, and their own calls."""
    tokens: list[str] = []

    def answer(scope: Any) -> None:
        call("before")
        tokens.append(_trace().feedback_token)
        with baserun.span("work"):
            scope["visitor"] = known("ann")
            request = active_request()
            assert request is not None
            request.user_changed()
            call("after")
            tokens.append(_trace().feedback_token)
        call("again")
        baserun.tag("topic", "hours")

    await ask(ToldMiddleware(answering(answer, status=status)), visitor=ANONYMOUS)

    before, after = sorted(captured.traces, key=lambda trace: trace.user_identifier is not None)
    assert [[span.name for span in trace.spans or []] for trace in (before, after)] == [
        ["chat before", "work"],
        ["chat after", "chat again"],
    ]
    assert (before.name, before.metadata, before.status) == (after.name, after.metadata, after.status)
    assert (after.status, after.tags) == ("ok" if status == 200 else "error", {"topic": "hours"})
    assert len(set(tokens)) == 2


@pytest.mark.parametrize("is_wrapped", [False, True])
async def test_what_comes_after_a_conversation_is_in_a_trace_of_the_request(
    captured: Captured, ask: Ask, answering: Answering, call: Any, is_wrapped: bool
) -> None:
    """Calls after a conversation's block are in a trace of the request, in the request's session."""
    tokens: list[str] = []

    def chat() -> None:
        with baserun.with_session(session_identifier="conversation-7"):
            call("one")
            tokens.append(_trace().feedback_token)
        call("two")
        tokens.append(_trace().feedback_token)

    def answer(scope: Any) -> None:
        if is_wrapped:
            with baserun.with_session():
                chat()
        else:
            chat()
        call("three")

    await ask(ASGIMiddleware(answering(answer)))

    traces = {trace.session_id == "conversation-7": trace for trace in captured.traces}
    assert len(captured.traces) == len(set(tokens)) == 2
    assert [span.name for span in traces[True].spans or []] == ["chat one"]
    assert [span.name for span in traces[False].spans or []] == ["chat two", "chat three"]
    assert {(trace.name, trace.status) for trace in captured.traces} == {("GET /", "ok")}


async def test_feedback_token_after_the_block_of_a_conversation(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A feedback token made after a conversation's block is for the trace in it, and touches no other session."""

    def answer(scope: Any) -> str:
        with baserun.with_session(session_identifier="conversation-7"):
            call()
        return _trace().feedback_token

    answered = await ask(ASGIMiddleware(answering(answer)))

    (trace,) = captured.traces
    assert answered.body.decode().startswith(trace.id)
    assert [session.id for session in captured.sessions] == [trace.session_id] == ["conversation-7"]
    assert answered.cookie is None


async def test_a_new_conversation_in_the_middle_of_a_request(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """Calls after the end of the session in a request are in another trace of the request."""

    def answer(scope: Any) -> str:
        call("goodbye")
        session = baserun.current_session()
        assert session is not None
        session.end()
        call("hello")
        return _trace().feedback_token

    await ask(ASGIMiddleware(answering(answer)))

    said = [[span.name for span in trace.spans or []] for trace in captured.traces]
    assert said == [["chat goodbye"], ["chat hello"]]
    assert {(trace.name, trace.status) for trace in captured.traces} == {("GET /", "ok")}


async def test_a_login_replaces_an_identified_user(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A conversation that begins after a login belongs to who logged in, not to the user named by `identify` before."""

    def answer(scope: Any) -> None:
        call("before")
        baserun.identify("ann, as she calls herself")
        scope["visitor"] = known("ben")
        request = active_request()
        assert request is not None
        request.user_changed()
        with baserun.with_session(session_identifier="conversation"):
            call("after")

    await ask(ToldMiddleware(answering(answer)), visitor=known("ann"))

    (conversation,) = (session for session in captured.sessions if session.id == "conversation")
    assert conversation.user_identifier == "ben"


async def test_a_user_who_is_found_at_the_end(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """A user who is known only when the headers are sent owns the session and its token."""

    def answer(scope: Any) -> None:
        call()
        scope["visitor"] = known("ann")

    app = ToldMiddleware(answering(answer))
    cookie = (await ask(app)).cookie
    await ask(app, headers=[("cookie", cookie)])
    await ask(ToldMiddleware(answering(lambda scope: call())), headers=[("cookie", cookie)], visitor=ANONYMOUS)

    anns, nobodys = sorted(captured.sessions, key=lambda session: session.user_identifier is None)
    assert (anns.user_identifier, anns.llm_calls, nobodys.llm_calls) == ("ann", 2, 1)


async def test_a_cookie_that_left_before_the_user_was_found(captured: Captured, ask: Ask, call: Any) -> None:
    """When the user becomes known after an anonymous cookie was sent, the request moves to a new, linked session."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call("one")
        await send({"type": "http.response.start", "status": 200})
        scope["visitor"] = known("ann")
        call("two")
        await send({"type": "http.response.body"})

    answer = await ask(ToldMiddleware(app))

    (anns,) = (session for session in captured.sessions if session.llm_calls)
    assert (anns.user_identifier, anns.llm_calls) == ("ann", 2)
    assert anns.id not in answer.cookie
    assert anns.previous_id is not None
    assert anns.previous_id in answer.cookie


async def test_metadata_is_recorded(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """Metadata of a request's session is stored, also when set after the first call."""

    def answer(scope: Any) -> None:
        session = scope["state"]["baserun_session"]
        session.metadata["topic"] = "x"
        call()
        session.metadata["mood"] = "y"

    await ask(ASGIMiddleware(answering(answer)))

    assert captured.sessions[0].metadata == {"topic": "x", "mood": "y"}


async def test_nothing_is_recorded_where_it_is_suppressed(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """In a `suppress()` block neither a call nor reading the session's id stores anything or sets a cookie."""

    def answer(scope: Any) -> str:
        with baserun.suppress():
            call()
            return str(scope["state"]["baserun_session"].id)

    answered = await ask(ASGIMiddleware(answering(answer)))

    assert len(answered.body) > 0
    assert (captured.stats.captured, answered.cookie) == (0, None)


@pytest.mark.parametrize("trust", [False, True])
async def test_an_unsigned_id_needs_trust(
    captured: Captured, ask: Ask, answering: Answering, call: Any, trust: bool
) -> None:
    """An unsigned id in the header or in W3C baggage is used only with `trust_session_header=True`."""
    app = ASGIMiddleware(answering(lambda scope: call()), trust_session_header=trust)

    await ask(app, headers=[("Baserun-Session", "conversation-1")])
    await ask(app, headers=[("baggage", "session.id=conversation-2,enduser.pseudo.id=ann")])

    found = {session.id: session.user_identifier for session in captured.sessions}
    assert (found == {"conversation-1": None, "conversation-2": "ann"}) is trust


@pytest.mark.parametrize("late", ["authenticated", "identified"])
async def test_a_trusted_id_holds_for_users_known_late(
    captured: Captured, ask: Ask, answering: Answering, call: Any, late: str
) -> None:
    """With `trust_session_header` a user known after the first call stays in the session that the header named."""

    def answer(scope: Any) -> None:
        call()
        if late == "identified":
            baserun.identify("ann")
        else:
            scope["visitor"] = known("ann")

    app = ToldMiddleware(answering(answer), trust_session_header=True)
    for _ in range(2):
        await ask(app, headers=[("Baserun-Session", "conversation-1")])

    assert [(session.id, session.user_identifier, session.turns) for session in captured.sessions] == [
        ("conversation-1", "ann", 2)
    ]


async def test_a_trusting_application_still_takes_tokens(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """With `trust_session_header` a signed token in the header is still read as a token."""
    app = ASGIMiddleware(answering(lambda scope: call()), trust_session_header=True, send_session_header=True)
    token = (await ask(app)).header("baserun-session")

    await ask(app, headers=[("Baserun-Session", token)])

    assert len(captured.sessions) == 1


async def test_feedback_tokens_last_ninety_days(
    captured: Captured, ask: Ask, answering: Answering, clock: FakeClock
) -> None:
    """A feedback token is accepted for 90 days, and expired a second later."""
    from baserun.web import SessionPolicy, accept_feedback

    policy = SessionPolicy()
    with baserun.start_trace("answer") as trace:
        body = b'{"stars": 5, "token": "%b"}' % trace.feedback_token.encode()  # type: ignore[union-attr]

    clock.advance(90 * 86_400)
    assert accept_feedback(policy, None, body).status == 204
    clock.advance(1)
    assert accept_feedback(policy, None, body).problem == "the token is expired"


def test_a_token_is_good_for_one_purpose_only(captured: Captured) -> None:
    """A feedback token resumes no session, and a session token gives no feedback."""
    from baserun.web import SessionPolicy, accept_feedback

    policy = SessionPolicy()
    with baserun.with_session(session_identifier="1700000000"), baserun.start_trace("answer") as trace:
        for_feedback = trace.feedback_token  # type: ignore[union-attr]
    with baserun.with_session(session_identifier=trace.id) as session:
        for_session = session.token

    decision = policy.decide([("cookie", for_feedback)], UNKNOWN, None)
    answer = accept_feedback(policy, None, b'{"stars": 5, "token": "%b"}' % for_session.encode())

    assert (decision.is_resumed, policy.ignored) == (False, {"forged": 1})
    assert (answer.status, answer.problem) == (403, "the token is forged")


@pytest.mark.parametrize("wrong", [None, "an-id", Session])
def test_a_token_of_something_else(captured: Captured, wrong: Any) -> None:
    """`token_of` and `feedback_token_of` say what they take when they are given an id, or nothing."""
    with pytest.raises(ConfigurationError, match=r"token_of\(\) takes a session, such as baserun.current_session\(\)"):
        token_of(wrong)
    with pytest.raises(ConfigurationError, match=r"feedback_token_of\(\) takes a trace, such as baserun.current_trace"):
        feedback_token_of(wrong)
