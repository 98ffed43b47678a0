"""Recording less, or nothing: for a block, a session or the whole process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

import baserun
from baserun import signals
from baserun.instrumentation import Usage, end_user_to_fill, start_call
from baserun.testing import Captured, capture
from baserun.web import WSGIMiddleware
from recorded_calls import record_call

SECRET = "what was said"


ANSWERED: dict[str, Any] = {
    "response_model": "model-1",
    "input": [{"role": "user", "content": SECRET}],
    "output": [{"role": "assistant", "content": SECRET}],
    "parameters": {"stop": SECRET},
    "tool_calls": [{"id": "1", "name": "lookup", "arguments": SECRET}],
    "error_body": {"message": SECRET},
    "usage": Usage(input_tokens=3, output_tokens=1),
    "input_preview": SECRET,
    "output_preview": SECRET,
}


def everything() -> None:
    """Record a trace, span, call, log, check and feedback, each with content."""
    with baserun.start_trace("trace") as trace:
        trace.result = SECRET
        with baserun.span("step") as span:
            span.input = span.result = SECRET
        record_call("chat model-1", status="error", raised=ValueError(SECRET), **ANSWERED)
        baserun.log(SECRET)
        baserun.check("check", True, expected=SECRET, actual=SECRET)
        baserun.feedback("helpful", stars=5, comment=SECRET)


def test_suppress_records_nothing(captured: Captured) -> None:
    """In a `suppress` block nothing is recorded."""
    with baserun.suppress():
        with baserun.with_session("u", metadata={"a": 1}) as session:
            session.metadata["b"] = 2
            everything()
        everything()
        baserun.start_session("u").end()
        with baserun.extract({"baggage": "session.id=chat"}):
            everything()

    assert captured.stats.captured == 0


def test_suppress_inside_a_session(captured: Captured) -> None:
    """The trace around a `suppress` block records what comes before and after it, and nothing inside."""
    with baserun.with_session("u"), baserun.start_trace("trace"):
        baserun.log("before")
        with baserun.suppress():
            baserun.tag("key", SECRET)
            everything()
        baserun.log("after")

    (trace,) = captured.traces
    assert (trace.name, trace.tags, trace.spans) == ("trace", {}, [])
    assert [note.value for note in trace.annotations or []] == ["before", "after"]


def test_suppressed_session_is_current(captured: Captured) -> None:
    """A session and trace opened in a `suppress` block are current there."""
    with baserun.suppress():
        with baserun.with_session("u") as session, baserun.start_trace("trace") as trace:
            inside = baserun.current_session(), baserun.current_trace()
        after = baserun.current_session()

    assert inside == (session, trace)
    assert after is None


def test_session_of_a_suppressed_block_is_recorded_once_it_is_used(captured: Captured) -> None:
    """A session started in a `suppress` block is recorded as soon as something is recorded in it."""
    with baserun.suppress():
        session = baserun.start_session("u")
    carried = baserun.propagate(everything)
    session.end()

    with baserun.with_session("u", session_identifier=session.id):
        carried()

    assert [stored.id for stored in captured.sessions] == [session.id]


def test_suppress_as_decorator(captured: Captured) -> None:
    """A function decorated with `suppress` records nothing."""
    baserun.suppress()(everything)()

    assert captured.stats.captured == 0


def test_suppressed_calls_are_not_begun(captured: Captured) -> None:
    """In a `suppress` block `start_call` returns None, so that an integration leaves the call alone."""
    with baserun.suppress():
        call = start_call("chat", end_user="u")

    assert call is None


def test_carried_into_a_thread(captured: Captured) -> None:
    """A function wrapped by `propagate` in a `suppress` block records nothing anywhere."""
    with baserun.suppress():
        carried = baserun.propagate(everything)

    carried()

    assert captured.stats.captured == 0


def contents(captured: Captured) -> str:
    return repr([session.to_dict() for session in captured.sessions])


def check_structure_without_content(captured: Captured) -> None:
    """Check that everything done is stored, without any content."""
    (session,) = captured.sessions
    assert SECRET not in contents(captured)
    assert (session.llm_calls, session.input_tokens, session.output_tokens, session.feedback_score) == (1, 3, 1, 1.0)
    assert [span.name for span in captured.spans] == ["step", "chat model-1"]
    assert [(note.type, note.name) for note in captured.annotations] == [
        ("log", None),
        ("check", "check"),
        ("feedback", "helpful"),
    ]
    assert [(call.response_model, call.error and call.error.type) for call in captured.calls] == [
        ("model-1", "ValueError")
    ]


def test_no_content_in_the_process() -> None:
    """`init(capture_content=False)` records structure, tokens and scores, and no content."""
    with capture(capture_content=False) as captured:
        with baserun.with_session("u"):
            everything()

        check_structure_without_content(captured)


def test_no_content_in_a_session(captured: Captured) -> None:
    """`with_session(capture_content=False)` records no content in its block."""
    with baserun.with_session("u", capture_content=False):
        everything()

    check_structure_without_content(captured)


def test_no_content_in_a_block(captured: Captured) -> None:
    """`suppress(content_only=True)` records no content in its block."""
    with baserun.with_session("u"), baserun.suppress(content_only=True):
        everything()

    check_structure_without_content(captured)


class FrozenError(Exception):
    """An error whose attributes can neither be set nor be seen in its `__dict__`."""

    __dict__ = {}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __str__(self) -> str:
        return SECRET


QUIET = {
    "suppressed": baserun.suppress,
    "no content": lambda: baserun.suppress(content_only=True),
    "a session without content": lambda: baserun.with_session("u", capture_content=False),
}


@pytest.mark.parametrize("error", [ValueError(SECRET), FrozenError()])
@pytest.mark.parametrize("quiet", QUIET.values(), ids=QUIET)
def test_an_error_that_leaves_the_block_has_no_message_around_it(
    captured: Captured, quiet: Callable[[], Any], error: Exception
) -> None:
    """An error that leaves the block is recorded around it by type, without its message, which may quote content."""
    with pytest.raises(type(error)), baserun.start_trace("trace"), baserun.span("step"), quiet():
        raise error

    (trace,) = [each.to_dict() for each in captured.traces]
    told = [(each["error"]["type"], each["error"]["message"]) for each in (trace, *trace["spans"])]
    assert told == [(type(error).__name__, None)] * 2
    assert SECRET not in repr(trace)


def test_an_error_of_a_task_has_no_message_where_it_is_awaited(captured: Captured) -> None:
    """The error of a call begun in a block without content is recorded without its message by a trace outside, too."""

    async def call() -> None:
        error = ValueError(SECRET)
        record_call("chat model-1", status="error", raised=error, **ANSWERED)
        raise error

    async def main() -> None:
        with baserun.start_trace("trace"):
            with baserun.suppress(content_only=True):
                task = asyncio.create_task(call())
                await asyncio.sleep(0)  # the call has begun; it is awaited after the block
            await task

    with pytest.raises(ValueError, match=SECRET):
        asyncio.run(main())

    assert SECRET not in repr([each.to_dict() for each in captured.traces])
    assert captured.traces[0].status == "error"


def test_an_error_of_a_request_from_a_block_without_content_has_no_message() -> None:
    """A request that fails by an error from a block without content is recorded as failed, without its message."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with baserun.suppress(content_only=True):
            everything()
            raise ValueError(SECRET)

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    with capture() as captured:
        with pytest.raises(ValueError, match=SECRET):
            WSGIMiddleware(app, secret="a secret of this test")(environ, lambda status, sent: None)

        (trace,) = captured.traces
        assert (trace.kind, trace.status, trace.error and trace.error.type) == ("request", "error", "ValueError")
        assert SECRET not in contents(captured)


def test_content_outside_of_the_block_is_recorded(captured: Captured) -> None:
    """Content after a block without content is recorded."""
    with baserun.with_session("u"):
        with baserun.suppress(content_only=True):
            pass
        everything()

    assert SECRET in contents(captured)


@pytest.mark.parametrize("quiet", [baserun.suppress(content_only=True), baserun.with_session(capture_content=False)])
def test_inner_block_cannot_turn_content_on_again(captured: Captured, quiet: Any) -> None:
    """Inside a block without content `capture_content=True` has no effect."""
    with quiet, baserun.with_session("u", session_identifier="chat", capture_content=True):
        everything()

    assert SECRET not in contents(captured)


def test_inner_block_cannot_turn_content_on_for_the_process() -> None:
    """With `init(capture_content=False)` a session's `capture_content=True` has no effect."""
    with capture(capture_content=False) as captured, baserun.with_session("u", capture_content=True):
        everything()

        assert SECRET not in contents(captured)


def test_disabled_is_inert(tmp_path: Path) -> None:
    """With `enabled=False` all calls work, and nothing is recorded, written or signalled."""
    told: list[Any] = []

    def hear(sender: Any, **_: Any) -> None:
        told.append(sender)

    with capture(enabled=False, store=tmp_path / "store.sqlite3") as captured:
        for signal in signals.ALL:
            signal.connect(hear)
        with baserun.with_session("u") as session:
            everything()
            baserun.tag("key", "value")
            inside = baserun.current_session()
            headers: dict[str, str] = baserun.inject({})
            baserun.identify("somebody else")
        ended = baserun.start_session("u")
        ended.end()
        flushed = captured.flush()
        stats = baserun.stats()
        for signal in signals.ALL:
            signal.disconnect(hear)

    assert inside is session
    assert headers == {}
    assert flushed is True
    assert stats.captured == 0
    assert told == []
    assert list(tmp_path.iterdir()) == []


def test_disabled_fills_no_end_user() -> None:
    """With `enabled=False` no end user is sent to the provider."""
    with capture(enabled=False, fill_end_user=True), baserun.with_session("u"):
        filled = end_user_to_fill()

    assert filled is None


@pytest.mark.parametrize(
    ("options", "filled"),
    [({"fill_end_user": True}, "u"), ({}, None), ({"fill_end_user": True, "user_key": "k"}, "u1_")],
)
def test_end_user_to_fill(options: dict[str, Any], filled: str | None) -> None:
    """With `fill_end_user` the session's user is sent to the provider, hashed if there is a `user_key`."""
    with capture(**options), baserun.with_session("u"):
        found = end_user_to_fill()

    assert found is filled is None or (found is not None and filled is not None and found.startswith(filled))


def test_suppressed_end_user_is_not_filled() -> None:
    """In a suppressed block no end user is filled in."""
    with capture(fill_end_user=True), baserun.with_session("u"), baserun.suppress():
        filled = end_user_to_fill()

    assert filled is None


def test_environment_switches_everything_off(tmp_path: Path) -> None:
    """`BASERUN_ENABLED=0` makes a whole program inert: no file, no thread, no client instrumented."""
    program = (
        "import sys, threading, baserun\n"
        "with baserun.with_session('u'), baserun.start_trace('t'):\n"
        "    baserun.log('hello')\n"
        "assert baserun.flush() and baserun.stats().captured == 0\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert 'sqlite3' not in sys.modules and 'baserun_openai' not in sys.modules\n"
        "assert not any('baserun' in type(finder).__module__ for finder in sys.meta_path)\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=os.environ | {"BASERUN_ENABLED": "0"})

    assert list(tmp_path.iterdir()) == []


def test_suppressed_work_does_not_touch_a_request(captured: Captured) -> None:
    """Work in a `suppress` block does not touch the session of a web request: no cookie is sent."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with baserun.suppress():
            everything()
            baserun.tag("key", "value")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done"]

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    headers: list[Any] = []
    list(WSGIMiddleware(app, secret="a secret of this test")(environ, lambda status, sent: headers.extend(sent)))

    assert [name for name, _ in headers] == ["Content-Type"]
    assert captured.stats.captured == 0


def test_a_session_that_is_started_in_a_block_records_after_the_block(captured: Captured) -> None:
    """A session that `start_session` begins in a `suppress` block outlasts it, and records from then on."""
    with baserun.suppress(content_only=True), baserun.suppress():
        session = baserun.start_session("u", "chat")
        baserun.log("inside")
        quiet = baserun.propagate(baserun.log)
    baserun.log("after")
    quiet("carried")
    session.end()

    assert [(each.session_id, each.value) for each in captured.annotations] == [("chat", "after")]


def test_a_change_of_user_in_a_block_records_after_the_block(captured: Captured) -> None:
    """The linked session of a user identified in a `suppress` block is recorded after the block, with content."""
    with baserun.with_session("ada"):
        with baserun.suppress():
            baserun.identify("grace")
            baserun.log("inside")
        with baserun.suppress(content_only=True):
            baserun.identify("hedy")
        baserun.log("after")

    (said,) = captured.annotations
    assert said.value == "after"
    assert {session.id: session.user_identifier for session in captured.sessions}[said.session_id or ""] == "hedy"
