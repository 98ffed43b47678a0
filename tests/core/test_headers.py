"""Carrying session and trace to other processes and services in headers, without trusting what comes in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import baserun
from baserun.testing import Captured, FakeClock, capture

TRACE = "00000000000000000000000000000001"
SPAN = "0000000000000001"
PARENT = f"00-{TRACE}-{SPAN}-01"
START = "1767225600000000"
"""The time of the fake clock, 2026-01-01, in microseconds."""
OURS = {"traceparent": PARENT, "tracestate": f"baserun={START}"}


def now() -> tuple[Any, Any]:
    session, trace = baserun.current_session(), baserun.current_trace()
    return session and session.id, trace and trace.id


def test_inject(captured: Captured) -> None:
    """`inject` writes session, user, trace and span as W3C headers, and returns the mapping itself."""
    headers = {"accept": "*/*"}
    with baserun.with_session("ü", session_identifier="chat 7,a"), baserun.start_trace("t"), baserun.span("s"):
        returned = baserun.inject(headers)

    assert returned is headers
    assert headers == {
        "accept": "*/*",
        "traceparent": PARENT,
        "tracestate": f"baserun={START}",
        "baggage": "session.id=chat%207%2Ca,enduser.pseudo.id=%C3%BC",
    }


def test_inject_without_a_trace(captured: Captured) -> None:
    """A session without a trace is written as baggage only."""
    with baserun.with_session(session_identifier="chat"):
        headers: dict[str, str] = baserun.inject({})

    assert headers == {"baggage": "session.id=chat"}


def test_inject_without_anything(captured: Captured) -> None:
    """Where nothing is current `inject` adds nothing."""
    assert baserun.inject({"a": "b"}) == {"a": "b"}


def test_inject_in_a_suppressed_block(captured: Captured) -> None:
    """In a suppressed block `inject` adds nothing."""
    with baserun.with_session(session_identifier="chat"), baserun.suppress():
        headers: dict[str, str] = baserun.inject({})

    assert headers == {}


def test_foreign_entries_are_kept(captured: Captured) -> None:
    """Foreign entries stay in `tracestate` and `baggage`; old ones of ours are replaced."""
    headers = {
        "Baggage": "tenant=7;p=1, session.id=old ,enduser.pseudo.id=old,flag=on",
        "TraceState": "vendor=x,baserun=0",
        "TRACEPARENT": "00-" + "a" * 32 + "-" + "b" * 16 + "-00",
    }
    with baserun.with_session(session_identifier="chat"), baserun.start_trace("t"), baserun.span("s"):
        baserun.inject(headers)

    assert headers == {
        "Baggage": "session.id=chat,tenant=7;p=1,flag=on",
        "TraceState": f"baserun={START},vendor=x",
        "TRACEPARENT": PARENT,
    }


@pytest.mark.parametrize("is_name_too", [False, True])
def test_headers_of_bytes(captured: Captured, is_name_too: bool) -> None:
    """`extract` reads the headers of brokers and servers that have bytes, as values or also as names."""
    with baserun.with_session("ada", "chat"), baserun.start_trace("t") as trace:
        sent: dict[str, str] = baserun.inject({})
    received: Any = {name.encode() if is_name_too else name: value.encode() for name, value in sent.items()}

    with baserun.extract(received) as session:
        continued = baserun.current_trace()

    assert session is not None
    assert (session.id, session.user_identifier) == ("chat", "ada")
    assert continued is not None
    assert continued.id == trace.id


def test_long_foreign_baggage_is_kept_whole(captured: Captured) -> None:
    """Foreign baggage is never shortened, however long."""
    foreign = ",".join(f"key{number}={'v' * 100}" for number in range(200))
    with baserun.with_session(session_identifier="chat"):
        headers = baserun.inject({"baggage": foreign})

    assert headers["baggage"] == f"session.id=chat,{foreign}"


class FrameworkHeaders:
    """Headers as some frameworks have them: no `Mapping`, and iteration gives pairs."""

    def __init__(self, **pairs: str) -> None:
        self._pairs = pairs

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs.items())

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._pairs

    def __getitem__(self, name: str) -> str:
        return self._pairs[name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        self._pairs[name.lower()] = value

    def items(self) -> Any:
        return self._pairs.items()


def test_a_trace_that_another_process_stores_first(captured: Captured, clock: FakeClock) -> None:
    """A trace keeps its start, also when a record from the receiving process is stored first."""
    with baserun.with_session(), baserun.start_trace("t"):
        headers: dict[str, str] = baserun.inject({})
        clock.advance(1800)
        with baserun.extract(headers), baserun.span("in the other process"):
            pass
        (running,) = captured.traces
        clock.advance(7200)

    (finished,) = captured.traces
    assert running.started_at == finished.started_at
    assert (finished.started_at.timestamp() * 1_000_000, finished.duration_ms) == (int(START), 9_000_000)
    with closing(baserun.open_store()) as store:
        assert store.verify() == []


@pytest.mark.parametrize("value", ["1", "x", "", "-5", "9" * 17, "9" * 400, "٣", "1767225600000000.5"])
def test_an_impossible_start_is_ignored(value: str, captured: Captured) -> None:
    """A trace whose header gives an impossible start begins when it is extracted."""
    with baserun.extract({**OURS, "tracestate": f"baserun={value}"}), baserun.span("s"):
        pass

    (trace,) = captured.traces
    assert trace.started_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_headers_that_are_no_mapping(captured: Captured) -> None:
    """Headers of frameworks that only look like a mapping can be written and read."""
    headers: Any = FrameworkHeaders(baggage="a=b")
    with baserun.with_session(session_identifier="chat"):
        baserun.inject(headers)
    with baserun.extract(headers):
        inside = now()[0]

    assert headers["baggage"] == "session.id=chat,a=b"
    assert inside == "chat"


def test_round_trip(captured: Captured) -> None:
    """The injected session, user and trace are current where extracted, and new spans are below the sender's span."""
    with baserun.with_session("ü", session_identifier="chat 7,a"), baserun.start_trace("t"), baserun.span("s"):
        headers: dict[str, str] = baserun.inject({})
    with baserun.extract(headers) as session, baserun.span("received"):
        inside = now()

    assert session is not None
    assert (session.id, session.user_identifier) == ("chat 7,a", "ü")
    assert inside == ("chat 7,a", TRACE)
    assert [(span.name, span.trace_id, span.parent_id) for span in captured.spans] == [
        ("s", TRACE, None),
        ("received", TRACE, SPAN),
    ]
    assert [(trace.name, trace.status) for trace in captured.traces] == [("t", "ok")]


def test_round_trip_below_the_trace_itself(captured: Captured) -> None:
    """When the sender had no open span, the receiver's spans are at the top of the trace."""
    with baserun.start_trace("t"):
        headers: dict[str, str] = baserun.inject({})
    with baserun.extract(headers), baserun.span("received"):
        pass

    assert [(span.name, span.trace_id, span.parent_id) for span in captured.spans] == [("received", TRACE, None)]


def test_extracted_block_nests(captured: Captured) -> None:
    """Inside another session, the extracted one is current in its block, and the outer one again after it."""
    with baserun.with_session(session_identifier="outer"), baserun.start_trace("t", new=True):
        outside = now()
        with baserun.extract({"baggage": "session.id=inner"}):
            inside = now()
        after = now()

    assert inside == ("inner", None)
    assert after == outside


def test_extracting_nothing_changes_nothing(captured: Captured) -> None:
    """Extracting headers without anything of ours changes nothing that is current."""
    with baserun.with_session(session_identifier="outer") as outer, baserun.extract({"accept": "*/*"}) as session:
        inside = now()

    assert session is outer
    assert inside == ("outer", None)


def test_extract_as_decorator(captured: Captured) -> None:
    """`extract` works as a decorator of a worker's function."""
    seen = baserun.extract({"baggage": "session.id=chat"})(now)()

    assert seen == ("chat", None)


def test_extract_ends_nothing(captured: Captured) -> None:
    """Leaving an `extract` block does not end the session."""
    with baserun.extract({"baggage": "session.id=chat"}):
        pass

    assert [(session.id, session.ended_at) for session in captured.sessions] == [("chat", None)]


def test_foreign_trace_is_not_joined(captured: Captured) -> None:
    """A `traceparent` without our `tracestate` entry is ignored: no process of ours would complete that trace."""
    with baserun.extract({"traceparent": PARENT, "tracestate": "vendor=1"}):
        inside = now()

    assert inside == (None, None)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.replace('1', 'G')}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE[:-1]}-{SPAN}-01",
    ],
)
def test_malformed_traceparent_is_ignored(captured: Captured, parent: str) -> None:
    """A `traceparent` that is invalid by W3C Trace Context is ignored."""
    with baserun.extract({**OURS, "traceparent": parent}):
        inside = now()

    assert inside == (None, None)


@pytest.mark.parametrize(
    "baggage",
    [
        "",
        "session.id",
        "session.id=",
        "session.id=%00",
        "session.id=%C3%BC",
        "session.id=" + "x" * 201,
        "other=1," * 3000 + "session.id=too-far-back",
        "a=" + "x" * 8170 + ",session.id=cut-in-the-middle-of-its-value",
        "=;,=,;;",
    ],
)
def test_unusable_session_is_ignored(captured: Captured, baggage: str) -> None:
    """An invalid or cut session id in the baggage counts as none."""
    with baserun.extract({"baggage": baggage}):
        inside = now()

    assert inside == (None, None)


@pytest.mark.parametrize("user", ["%0A", "x" * 513, "%ED%A0%80%00", ""])
def test_unusable_user_is_ignored(captured: Captured, user: str) -> None:
    """A user that cannot be stored is ignored, and the session is still taken."""
    with baserun.extract({"baggage": f"session.id=chat,enduser.pseudo.id={user}"}) as session:
        pass

    assert session is not None
    assert session.user_identifier is None


def test_properties_of_baggage_entries(captured: Captured) -> None:
    """Properties and spaces around baggage entries are skipped, as W3C Baggage allows them."""
    with baserun.extract({"Baggage": " a=b ; c , session.id = chat%207 ;ttl=3"}):
        inside = now()

    assert inside == ("chat 7", None)


NAMES = st.sampled_from(["traceparent", "Baggage", "baggage", "tracestate", "TRACESTATE", "other"])
TEXTS = st.one_of(
    st.text(),
    st.text("=;,%- session.id0123456789abcdef\n\0"),
    st.builds("session.id={}".format, st.text(max_size=300)),
    st.just(PARENT),
    st.just("baserun=1"),
    st.builds("baserun={}".format, st.one_of(st.integers(), st.text())),
)


@given(headers=st.dictionaries(NAMES, TEXTS))
def test_hostile_headers_never_raise(headers: dict[str, str]) -> None:
    """Any header values can be extracted and injected again, and give a valid session or none."""
    with baserun.testing.capture(enabled=False), baserun.extract(headers) as session, baserun.span("s"):
        passed_on: MutableMapping[str, str] = baserun.inject(dict(headers))

    assert session is None or (0 < len(session.id) <= 200 and session.id.isascii() and session.id.isprintable())
    assert all("\n" not in value or value in headers.values() for value in passed_on.values())


@given(headers=st.dictionaries(st.one_of(st.text(), st.integers(), st.binary()), st.one_of(st.none(), st.binary())))
def test_headers_of_other_types_are_ignored(headers: dict[Any, Any]) -> None:
    """Header names and values that are not str are ignored."""
    with baserun.testing.capture(enabled=False), baserun.extract(headers) as session:
        pass

    assert session is None


def test_any_session_and_user_make_the_round_trip() -> None:
    """Every valid id and user arrives unchanged, and foreign entries are kept."""

    @given(
        session_id=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200),
        user=st.text(min_size=1, max_size=100).filter(str.isprintable),
        foreign=st.lists(st.from_regex(r"[a-z]{1,8}=[a-z0-9%]{0,8}", fullmatch=True), max_size=5),
    )
    def check(session_id: str, user: str, foreign: list[str]) -> None:
        with baserun.with_session(user, session_identifier=session_id):
            headers = baserun.inject({"baggage": ",".join(foreign)})
        with baserun.extract(headers) as session:
            pass

        assert session is not None
        assert (session.id, session.user_identifier) == (session_id, user)
        assert headers["baggage"].split(",")[2:] == foreign

    with capture():
        check()


def test_into_another_process(tmp_path: Path) -> None:
    """A worker process that extracts the headers continues the session and trace of the sender."""
    store = tmp_path / "baserun.sqlite3"
    program = (
        "import json, sys, baserun\n"
        "baserun.init(sys.argv[1])\n"
        "with baserun.extract(json.loads(sys.argv[2])), baserun.span('in the worker'):\n"
        "    baserun.log('hello')\n"
        "assert baserun.flush()\n"
    )
    with capture(store=store) as captured:
        with baserun.with_session("u") as session, baserun.start_trace("request"), baserun.span("enqueue"):
            headers: dict[str, str] = baserun.inject({})
        captured.flush()
        subprocess.run([sys.executable, "-c", program, str(store), json.dumps(headers)], check=True)

        (trace,) = captured.traces

    assert (trace.name, trace.status, trace.session_id, trace.user_identifier) == ("request", "ok", session.id, "u")
    spans = {span.name: span for span in trace.spans or []}
    assert spans["in the worker"].parent_id == spans["enqueue"].id
    assert [(note.value, note.span_id) for note in trace.annotations or []] == [("hello", spans["in the worker"].id)]


def test_worker_that_is_done_before_its_sender(tmp_path: Path) -> None:
    """When the worker's spans are stored first, the sender still completes the trace."""
    with capture(store=tmp_path / "baserun.sqlite3") as captured:
        with baserun.with_session("u"), baserun.start_trace("request"):
            headers: dict[str, str] = baserun.inject({})
            with baserun.extract(headers), baserun.span("worker"):
                pass
            captured.flush()

        (trace,) = captured.traces

    assert (trace.name, trace.kind, trace.status, trace.user_identifier) == ("request", "function", "ok", "u")
