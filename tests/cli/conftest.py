"""Fixtures of the command line's tests: stores recorded by Baserun itself, and functions that run commands on them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import baserun
from baserun.cli._app import app
from baserun.instrumentation import Usage, finish_call, start_call
from baserun.testing import CountingIds, FakeClock, capture
from recorded_calls import Described

ALICE = baserun.hash_user("alice@example.com")
HOSTILE = "\x1b[31mred\x1b]0;title\x07 [bold]markup[/bold] \u202eevil\u2066 \x9b2J \x00"


class Teller:
    """Records calls through the API for integrations, with a fake clock."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock

    def call(
        self,
        *said: tuple[str, str],
        answer: Any = None,
        seconds: float = 0.8,
        kind: str = "llm",
        status: str = "ok",
        error: BaseException | None = None,
        **details: Any,
    ) -> None:
        """Record a call; `said` are roles and texts of its messages."""
        span = start_call("chat gpt-4o-mini", kind=kind)
        assert span is not None
        self.clock.advance(seconds)
        messages = [{"role": role, "content": text} for role, text in said]
        described = {
            "provider": "openai",
            "operation": "chat",
            "request_model": "gpt-4o-mini",
            "response_model": "gpt-4o-mini-2024-07-18",
            "usage": Usage(input_tokens=120, output_tokens=45),
            "price_url": "https://api.openai.com/v1/chat/completions",
            "input": messages,
            "output": [{"role": "assistant", "content": answer}] if isinstance(answer, str) else answer,
            "input_preview": said[-1][1] if said else None,
            "output_preview": answer if isinstance(answer, str) else None,
        }
        finish_call(span, Described(**{**described, **details}), 100, status=status, error=error)


class RateLimitError(Exception):
    """Named like an exception of a client."""


def record(path: Path, tell: Callable[[Teller], None], *, start: datetime | None = None, **options: Any) -> None:
    """Run `tell` and record into the store at `path`."""
    clock = FakeClock(start or datetime.now(UTC) - timedelta(hours=2))
    with capture(clock=clock, ids=CountingIds(), store=str(path), **options) as captured:
        tell(Teller(clock))
        assert captured.flush()


def support_chat(teller: Teller) -> None:
    """Record a conversation of three turns with a tool, a pause, an error, a closed stream and feedback."""
    system = ("system", "You are the friendly support of Example Shop.")
    with baserun.with_session(user_identifier=ALICE, metadata={"channel": "web"}):
        with baserun.start_trace("POST /chat"):
            baserun.tag("plan", "pro")
            _first_turn(teller, system)
        teller.clock.advance(42 * 60)
        with suppress(RateLimitError), baserun.start_trace("POST /chat"):
            failure = RateLimitError("Too many requests, slow down.")
            teller.call(("user", "Is it waterproof?"), error=failure, status="error", usage=None, error_status_code=429)
            raise failure
        teller.clock.advance(5)
        with baserun.start_trace("POST /chat"):
            teller.call(
                system,
                ("user", "Where is my order 123?"),
                ("assistant", "It is on its way."),
                ("user", "Is it waterproof?"),
                answer="Yes, up to ten",
                stream=True,
                stream_end="closed",
                time_to_first_token_us=240_000,
            )
            baserun.feedback("helpful", thumbsup=False, comment="It stopped in the middle")


def _first_turn(teller: Teller, system: tuple[str, str]) -> None:
    asked = {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"number": 123}'}}
    teller.call(
        system,
        ("user", "Where is my order 123?"),
        answer=[{"role": "assistant", "content": None, "tool_calls": [asked]}],
        tool_calls=[{"id": "c1", "name": "find_order", "arguments": '{"number": 123}'}],
    )
    with baserun.span("find_order", kind="tool"):
        teller.clock.advance(0.12)
    details: dict[str, Any] = {
        "input": [
            {"role": system[0], "content": system[1]},
            {"role": "user", "content": "Where is my order 123?"},
            {"role": "assistant", "content": None, "tool_calls": [asked]},
            {"role": "tool", "tool_call_id": "c1", "content": '{"state": "on its way"}'},
        ]
    }
    teller.call(answer="It is on its way.", time_to_first_token_us=310_000, **details)


def hostile_chat(teller: Teller) -> None:
    """Record a session in which every value that a visitor can choose is hostile."""
    with (
        baserun.with_session(user_identifier="mallory", metadata={"note": HOSTILE}),
        suppress(ValueError),
        baserun.start_trace(HOSTILE),
    ):
        baserun.tag("evil", HOSTILE)
        baserun.log(HOSTILE, name=HOSTILE)
        teller.call(
            ("user", HOSTILE),
            answer=HOSTILE,
            request_model=HOSTILE,
            tool_calls=[{"id": "x", "name": HOSTILE, "arguments": HOSTILE}],
            error=ValueError(HOSTILE),
            status="error",
        )
        baserun.feedback(HOSTILE, 0.1, comment=HOSTILE)
        raise ValueError(HOSTILE)


@pytest.fixture(name="runner")
def _runner() -> CliRunner:
    """Return a runner that keeps stdout and stderr apart, which click before 8.2 needs an option for."""
    options: Any = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}
    return CliRunner(**options)


@pytest.fixture(name="run")
def _run(runner: CliRunner) -> Callable[..., Result]:
    """Return a function that runs a command as in a pipe."""

    def run(*arguments: str, **options: Any) -> Result:
        return runner.invoke(app, list(arguments), prog_name="baserun", **options)

    return run


@pytest.fixture(name="record")
def _record(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that records what another one does, and returns the path of the store."""

    def make(tell: Callable[[Teller], None], **options: Any) -> Path:
        path = tmp_path / "data" / "other.sqlite3"
        record(path, tell, **options)
        return path

    return make


@pytest.fixture(name="story")
def _story(tmp_path: Path) -> Path:
    """Return the path of a store with the support chat."""
    path = tmp_path / "data" / "story.sqlite3"
    record(path, support_chat)
    return path


@pytest.fixture(name="ask")
def _ask(story: Path, run: Callable[..., Result]) -> Callable[..., Result]:
    """Return a function that runs a command on the support chat."""
    return lambda *arguments, **options: run("--store", str(story), *arguments, **options)


@pytest.fixture(name="hostile")
def _hostile(tmp_path: Path) -> Path:
    """Return the path of a store in which everything is hostile."""
    path = tmp_path / "data" / "hostile.sqlite3"
    record(path, hostile_chat)
    return path
