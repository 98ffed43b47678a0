"""The commands that show one session, trace or user."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import baserun
from baserun.store import open_store

Run = Callable[..., Result]

SESSION = "00000000-0000-4000-8000-000000000001"
TRACE = f"{1:032d}"
ALICE = baserun.hash_user("alice@example.com")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def told(result: Result) -> str:
    """Return the output, with every time replaced by TIME."""
    assert result.exit_code == 0, result.output
    return TIME.sub("TIME", result.stdout)


def test_a_session_reads_as_a_conversation(ask: Run) -> None:
    """`sessions show` prints the conversation, with tools, pauses, errors, streams and feedback where they happened."""
    assert (
        told(ask("sessions", "show", SESSION))
        == f"""\
Session {SESSION}
user {ALICE}
started TIME · ended TIME
3 traces · 3 turns · 4 calls · 1 error · 360 in, 135 out · $0.000135 and 1 call of unknown cost · feedback 0.00
channel=web

TIME  POST /chat  1.72 s · trace {1:032d} · plan=pro
system: You are the friendly support of Example Shop.
user
  Where is my order 123?
  assistant  gpt-4o-mini · 800 ms · 120 in, 45 out · $0.000045
    → find_order(number=123)
    ran find_order  120 ms
    ← {{"state": "on its way"}}
  assistant  gpt-4o-mini · 800 ms · first token 310 ms · 120 in, 45 out · $0.000045
    It is on its way.

⋯ 42 min later

TIME  POST /chat  800 ms · trace {2:032d} · failed
user
  Is it waterproof?
  assistant  gpt-4o-mini · 800 ms · tokens unknown · cost unknown
    failed: RateLimitError (429): Too many requests, slow down.

TIME  POST /chat  800 ms · trace {3:032d}
user
  Is it waterproof?
  assistant  gpt-4o-mini · 800 ms · first token 240 ms · 120 in, 45 out · $0.000045
    Yes, up to ten
    stream closed by the application before its end
  feedback helpful · 0.00 “It stopped in the middle”
"""
    )


def test_a_cost_that_is_unknown_says_why(run: Run, record: Callable[..., Path]) -> None:
    """For a call of unknown cost the reason is printed below it, and the sum says that a call is missing."""

    def tell(teller: Any) -> None:
        with baserun.with_session():
            teller.call(("user", "One"), answer="1")
            teller.call(("user", "Two"), answer="2", usage=None, stream=True, stream_end="complete")

    shown = told(run("--store", str(record(tell)), "sessions", "show", SESSION))

    assert " · 120 in, 45 out · $0.000045 and 1 call of unknown cost\n" in shown
    assert shown.endswith("""\
  assistant  gpt-4o-mini · 800 ms · tokens unknown · cost unknown
    2
    cost unknown: the stream reported no usage; it does if the call has stream_options={'include_usage': True}
""")


@pytest.mark.parametrize("heading", [("sessions", "show", SESSION), ("users", "show", "ada")])
def test_the_cost_of_an_embedding_is_shown(run: Run, record: Callable[..., Path], heading: tuple[str, ...]) -> None:
    """The cost of embeddings is shown, although they do not count as calls."""

    def tell(teller: Any) -> None:
        with baserun.with_session("ada"):
            teller.call(("user", "One"), answer="1", kind="embedding")

    shown = told(run("--store", str(record(tell)), *heading))

    assert " · 0 calls · 120 in, 45 out · $0.000045\n" in shown


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        (("sessions", "show", SESSION), " · 0 calls · tokens unknown · cost unknown\n"),
        (("users", "show", "ada"), " · 0 calls · tokens unknown · cost unknown\n"),
    ],
)
def test_speech_of_unknown_cost_is_told(
    run: Run, record: Callable[..., Path], heading: tuple[str, ...], words: str
) -> None:
    """Alone its cost is unknown, beside others it is missing from the sum, and below it stands why."""

    def speak(teller: Any) -> None:
        with baserun.with_session("ada"):
            teller.call(answer="sound", kind="audio", request_model="tts-1", response_model=None, usage=None)

    def speak_and_answer(teller: Any) -> None:
        speak(teller)
        with baserun.with_session("ada", session_identifier=SESSION):
            teller.call(("user", "One"), answer="1")

    assert words in told(run("--store", str(record(speak)), *heading))
    shown = told(run("--store", str(record(speak_and_answer)), *heading))
    assert " · 1 call · 120 in, 45 out · $0.000045 and 1 call of unknown cost\n" in shown
    if heading[0] == "sessions":
        assert "    cost unknown: the provider reported no usage\n" in shown


def test_without_a_user_it_is_anonymous(run: Run, record: Callable[..., Path]) -> None:
    """The headings of a session and of a trace without a user say so in the word of the pages."""

    def act(_: Any) -> None:
        with baserun.with_session(session_identifier=SESSION), baserun.start_trace("look"):
            baserun.log("hello")

    store = str(record(act))

    assert "\nanonymous\n" in told(run("--store", store, "sessions", "show", SESSION))
    (trace,) = open_store(store).traces().items
    assert "\nanonymous\n" in told(run("--store", store, "traces", "show", trace.id))


def test_a_trace_reads_as_a_tree(ask: Run) -> None:
    """`traces show` prints the spans as a tree with their durations, and then the conversation."""
    tree, _, conversation = told(ask("traces", "show", TRACE)).partition("\n\nsystem: ")

    assert (
        tree
        == f"""\
Trace {TRACE}
session {SESSION}
user {ALICE}
started TIME · function
tags plan=pro

POST /chat               1.72 s
├─ chat gpt-4o-mini      800 ms  120 in, 45 out · $0.000045
├─ tool find_order       120 ms
└─ chat gpt-4o-mini      800 ms  120 in, 45 out · $0.000045"""
    )
    assert conversation.endswith("It is on its way.\n")


def test_json_of_one_is_the_record(ask: Run, story: Path) -> None:
    """`show --json` prints the whole record as the store's dict."""
    store = open_store(story)
    session, trace, user = store.session(SESSION), store.trace(TRACE), store.user(ALICE)
    store.close()
    assert session
    assert trace
    assert user

    assert json.loads(ask("sessions", "show", SESSION, "--json").stdout) == session.to_dict()
    assert json.loads(ask("traces", "show", TRACE, "--json").stdout) == trace.to_dict()
    assert json.loads(ask("users", "show", "alice@example.com", "--json").stdout) == user.to_dict()


def test_a_user_is_shown_with_their_sessions(ask: Run) -> None:
    """`users show` takes an address, an identifier or its beginning, and lists the user's sessions."""
    shown = told(ask("users", "show", "alice@example.com"))

    assert shown.startswith(f"User {ALICE}\nfirst seen TIME · last seen TIME\n1 session · 3 traces · 4 calls · 1 error")
    assert shown.splitlines()[-1].startswith(SESSION)
    assert shown == told(ask("users", "show", ALICE)) == told(ask("users", "show", ALICE[:8]))


@pytest.mark.parametrize("typed", ["0000…0001", "0000...0001", "00000000-0000-4000-8000"])
def test_a_shortened_id_is_found(ask: Run, typed: str) -> None:
    """`show` takes an id as shortened in a table, or its beginning."""
    assert told(ask("sessions", "show", typed)).startswith(f"Session {SESSION}\n")


def test_a_beginning_of_several_ids_is_refused(ask: Run) -> None:
    """The beginning of several ids is refused, and the message lists them."""
    result = ask("traces", "show", "0000")

    assert result.exit_code == 1
    assert result.stderr.startswith("baserun: 0000 is the beginning of 3 traces: ")
    assert TRACE in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("sessions show 9999", "There is no session 9999. `baserun sessions` lists what is there."),
        ("traces show nope", "There is no trace nope."),
        ("users show bob", "There is no user bob."),
        ("users show bob@example.com", "It is looked up by its hash, " + baserun.hash_user("bob@example.com")),
    ],
)
def test_an_unknown_id(ask: Run, arguments: str, words: str) -> None:
    """`show` of an unknown id ends with exit code 1 and one line."""
    result = ask(*arguments.split())

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert words in result.stderr


def test_content_that_was_not_captured_is_marked(run: Run, record: Callable[..., Path]) -> None:
    """Calls and logs without captured content say that it is not recorded."""

    def tell(teller: Any) -> None:
        with baserun.with_session(session_identifier="quiet"):
            teller.call(("user", "secret"), answer="secret")
            baserun.log("secret", name="seen")

    shown = told(run("--store", str(record(tell, capture_content=False)), "sessions", "show", "quiet"))

    assert "    what was said is not recorded\n" in shown
    assert "\nlog seen: what was said is not recorded\n" in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"status": "cancelled", "stream": True, "stream_end": "cancelled"}, "stream cancelled before its end"),
        ({"status": "cancelled"}, "    cancelled before its end"),
        ({"stream": True, "stream_end": "unread"}, "stream never read"),
        ({"stream": True, "stream_end": "collected"}, "stream dropped before its end"),
        ({"stream": True, "stream_end": "network"}, "stream broken off by the network"),
        ({"finish_reasons": ["length"]}, "stopped at the token limit"),
        ({"retries": 2}, "2 retries"),
        ({"response_model": "gpt-5"}, "gpt-4o-mini (answered by gpt-5)"),
        ({"kind": "embedding", "input": ["a"], "output": None}, "  embedding gpt-4o-mini  800 ms"),
    ],
)
def test_the_outcome_of_a_call_is_shown_in_words(
    run: Run, record: Callable[..., Path], details: dict[str, Any], words: str
) -> None:
    """Endings of streams, retries, limits and other models are shown in words, not codes."""

    def tell(teller: Any) -> None:
        with baserun.with_session(session_identifier="one"):
            teller.call(("user", "hi"), **{"answer": "hello", **details})

    assert words in told(run("--store", str(record(tell)), "sessions", "show", "one"))


def test_annotations_checks_results_and_failures_are_shown(run: Run, record: Callable[..., Path]) -> None:
    """Logs, checks and results are shown in their trace, an error once, and feedback on the session at the end."""

    def tell(teller: Any) -> None:
        with baserun.with_session(session_identifier="noted"):
            with suppress(ValueError), baserun.start_trace("job"):
                baserun.log({"step": 1}, name="progress")
                baserun.check("polite", False, expected="please", actual="now")
                with baserun.span("compute"):
                    teller.clock.advance(1)
                    raise ValueError("no luck")
            with baserun.start_trace("other") as trace:
                trace.result = {"answer": 42}
            with baserun.start_trace("other work") as other:
                other.result = "done"
            baserun.feedback("overall", stars=5, session_id="noted")
            baserun.feedback("feedback", 0.25, session_id="noted")

    shown = told(run("--store", str(record(tell)), "sessions", "show", "noted"))

    assert '  log progress: {"step": 1}\n' in shown
    assert '  check polite failed {"expected": "please", "actual": "now"}\n' in shown
    assert shown.count("failed: ValueError: no luck") == 1
    assert '  result: {"answer": 42}\n' in shown
    assert "  result: done\n" in shown
    assert shown.endswith("\n\nfeedback overall · 1.00\nfeedback 0.25\n")


def test_long_texts_are_cut_unless_all_is_asked_for(run: Run, record: Callable[..., Path]) -> None:
    """A long text is cut with the number of missing characters, and shown whole with `--full`."""

    def tell(teller: Any) -> None:
        with baserun.with_session(session_identifier="long"):
            teller.call(("user", "x" * 5_000), answer="hello")

    path = str(record(tell))

    assert "[1,000 more characters; --full shows them]" in run("--store", path, "sessions", "show", "long").stdout
    assert "x" * 5_000 in run("--store", path, "sessions", "show", "long", "--full").stdout


def test_sessions_of_one_visit_are_named(run: Run, record: Callable[..., Path]) -> None:
    """Sessions linked to the shown one are listed in order as one visit."""

    def tell(teller: Any) -> None:
        with baserun.with_session(user_identifier="a", session_identifier="first") as session:
            teller.call(("user", "hi"), answer="hello")
            teller.clock.advance(1)
            session.identify("b")
            teller.call(("user", "hi"), answer="hello")

    shown = told(run("--store", str(record(tell)), "sessions", "show", "first"))

    assert f"one visit of 2 sessions: [first] → {SESSION}" in shown
