"""Pruning, erasing and exporting: what is removed, what stays, and that no bytes are left."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from baserun.exceptions import ConfigurationError
from baserun.store import Sink, Store, open_sink
from baserun.store.rows import AnnotationRow, EndSession, MoveTrace, OpenSession, Row, UpdateSession

Make = Any
"""The fixture of conftest, which cannot be imported."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _visit(make: Make, session: str, user: str | None, *numbers: int, word: str = "hello") -> list[Row]:
    """Make rows of a session with feedback, and traces with a call, a tag and feedback each."""
    strength = 3 if user else 0
    rows: list[Row] = [
        OpenSession(id=session, at_us=make.t0, user_identifier=user, user_strength=strength, metadata='{"k": 1}'),
        AnnotationRow(
            id=f"f-{session}", created_us=make.t0, type="feedback", name="f", score=1, comment=word, session_id=session
        ),
    ]
    for number in numbers:
        trace = make.trace(
            number,
            session,
            user_identifier=user,
            user_strength=strength,
            result=json.dumps(word),
            tags='{"plan": "pro"}',
        )
        call = make.call(
            number, trace, input=json.dumps(word), output='"answer"', input_preview=word, output_preview="answer",
            request_model="small", input_tokens=10, cost_nano=100,
        )  # fmt: skip
        feedback = AnnotationRow(
            id=f"f-{number}", created_us=make.t0, type="feedback", name="f", score=-1, comment=word, trace_id=trace.id
        )
        rows += [call, trace, feedback]
    return rows


def _index(sink: Sink) -> None:
    while sink.maintain():
        pass


def _bytes(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.iterdir() if each.name.startswith(path.name))


def test_erasing_a_user_leaves_nothing_of_them(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """Erasing removes the user's rows, content, index, roll-ups and annotations, also from the file's bytes."""
    sink.write(_visit(make, "private-session", "ann-identifier", *range(1, 30), word="unmistakeable"))
    sink.write(_visit(make, "kept", "bob", 100, 101))
    _index(sink)

    receipt = store.erase_user("ann-identifier")

    assert (receipt.sessions, receipt.traces, receipt.spans, receipt.annotations) == (1, 29, 29, 30)
    assert (store.user("ann-identifier"), store.session("private-session")) == (None, None)
    assert [session.id for session in store.sessions()] == ["kept"]
    assert len(store.search("hello")) == 2
    assert store.verify() == []
    assert [word for word in (b"unmistakeable", b"ann-identifier", b"private-session") if word in _bytes(path)] == []


def test_erasing_leaves_no_overwritten_content(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """Earlier contents of updated rows and of merged index segments are gone from the file's bytes as well."""
    sink.write(_visit(make, "anns", "ann", 1, word="unmistakeable"))
    sink.write(_visit(make, "kept", "bob", 2))
    for number in range(3, 40):
        _index(sink)
        announced = make.trace(number, "anns", status="running", user_identifier="ann", user_strength=3)
        said = json.dumps("unmistakeable " * (number % 5 * 100))
        sink.write([make.call(number, announced, input=said, output_preview="unmistakeable" + "!" * (number % 7))])
        sink.write(
            [UpdateSession(id="anns", at_us=make.t0, metadata=json.dumps({"k": "unmistakeable" * (number % 3)}))]
        )

    store.erase_user("ann")

    assert _bytes(path).count(b"unmistak") == 0
    assert store.verify() == []


def test_erasing_reaches_traces_in_other_sessions(sink: Sink, store: Store, make: Make) -> None:
    """A trace of the erased user in another user's session is removed, and subtracted from that session's sums."""
    sink.write(_visit(make, "bobs", "bob", 1))
    visit = make.trace(2, "bobs", user_identifier="ann", user_strength=3)
    sink.write([make.call(2, visit, input_tokens=1_000, input_preview="late"), visit])

    receipt = store.erase_user("ann")

    assert (receipt.sessions, receipt.traces) == (0, 1)
    session = store.session("bobs")
    assert session is not None
    assert (session.input_tokens, session.llm_calls) == (10, 1)
    assert store.verify() == []


def test_erasing_leaves_no_name_in_the_calls_of_others(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """A call in another user's session that has the erased user as `end_user` stays without it."""
    sink.write(_visit(make, "b", "bob", 1))
    sink.write([make.call(2, make.trace(2, "b"), end_user="ann-of-the-others"), make.trace(2, "b")])
    sink.write([make.call(3, make.trace(3, "b"), end_user="bob"), make.trace(3, "b")])

    receipt = store.erase_user("ann-of-the-others")

    assert (receipt.sessions, receipt.spans) == (0, 0)
    assert b"ann-of-the-others" not in _bytes(path)
    with closing(sqlite3.connect(path)) as connection:
        named = [name for (name,) in connection.execute("SELECT end_user FROM spans ORDER BY id")]
    assert named == [None, None, "bob"]
    assert store.verify() == []


def test_erasing_takes_the_session_out_of_chains(sink: Sink, store: Store, make: Make) -> None:
    """The `previous_id` of a session that followed an erased one is removed."""
    sink.write([*_visit(make, "a", "ann", 1), OpenSession(id="b", at_us=make.t0 + 5, previous_id="a")])

    store.erase_user("ann")

    session = store.session("b")
    assert session is not None
    assert session.previous_id is None


def test_erasing_keeps_feedback_on_another_users_trace(sink: Sink, store: Store, make: Make) -> None:
    """Feedback that names the erased user's session but is about another trace stays with that trace."""
    sink.write([OpenSession(id="anns", at_us=make.t0, user_identifier="ann", user_strength=3), make.trace(1, "bobs")])
    feedback = AnnotationRow(
        id="f", created_us=make.t0, type="feedback", name="f", score=1, session_id="anns", trace_id=make.trace_id(1),
        completion_id="never-came",
    )  # fmt: skip
    sink.write([feedback])

    store.erase_user("ann")

    assert store.verify() == []
    trace = store.trace(make.trace_id(1))
    assert trace is not None
    assert [each.id for each in trace.annotations or ()] == ["f"]


def test_erasing_an_unknown_user_gives_an_empty_receipt(sink: Sink, store: Store) -> None:
    """Erasing an unknown user removes nothing, and the receipt says so."""
    sink.write([OpenSession(id="s", at_us=1)])

    receipt = store.erase_user("ann")

    assert (receipt.user_identifier, receipt.sessions, receipt.traces) == ("ann", 0, 0)


def test_removing_from_no_store_makes_none(store: Store, path: Path) -> None:
    """Erasing and pruning on a store without a file remove nothing and create none."""
    erased, pruned = store.erase_user("nobody"), store.prune(days=1)

    assert (erased.sessions, pruned.sessions) == (0, 0)
    assert not path.parent.exists()


def test_late_rows_of_an_erased_session_are_not_kept(sink: Sink, store: Store, make: Make) -> None:
    """Rows of an erased session that arrive after the erasure are counted as erased and not kept."""
    rows = _visit(make, "s", "ann", 1, 2)
    sink.write(rows[:4])
    store.erase_user("ann")

    sink.write([*rows, EndSession(id="s", at_us=make.t0 + 9)])

    assert store.sessions().items == []
    assert store.traces().items == []
    assert store.users().items == []
    assert store.verify() == []
    assert store.ledger()["erased"] == {"annotation": 4, "session": 3, "span": 3, "trace": 3}


def test_feedback_on_an_erased_answer_is_not_kept(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """Feedback by the completion id of an erased answer is not stored, even if the answer itself came too late."""
    sink.write([OpenSession(id="a", at_us=make.t0, user_identifier="ann", user_strength=3)])
    sink.write([make.call(1, make.trace(1, "a"), response_id="erased"), make.trace(1, "a")])
    store.erase_user("ann")
    sink.write([make.call(2, make.trace(2, "a"), response_id="late")])
    sink.write([make.call(3, make.trace(3, "b"), response_id="kept")])

    sink.write(
        [
            AnnotationRow(id=name, created_us=make.t0, type="feedback", name=name, completion_id=name, comment="words")
            for name in ("erased", "late", "kept", "not seen yet")
        ]
    )

    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM annotations ORDER BY id")]
    assert names == ["kept", "not seen yet"]
    assert store.verify() == []


@pytest.mark.parametrize("is_late", [False, True])
def test_feedback_that_was_changed_is_erased_with_both_its_versions(
    sink: Sink, store: Store, make: Make, path: Path, is_late: bool
) -> None:
    """Erasing removes both versions of changed feedback, and a late first version is not stored again."""
    trace = make.trace(1, user_identifier="ann", user_strength=3)
    first, last = (
        AnnotationRow(
            id="f", created_us=make.t0 + score, type="feedback", name="f", score=score, comment=comment * 900,
            trace_id=trace.id,
        )
        for score, comment in ((1, "thankful"), (0, "outraged"))
    )  # fmt: skip
    sink.write([OpenSession(id="s", at_us=make.t0, user_identifier="ann", user_strength=3), trace, last])
    if not is_late:
        sink.write([first])

    assert store.erase_user("ann").annotations == 1
    if is_late:
        sink.write([first])

    assert store.verify() == []
    assert (store.ledger()["stored"].get("annotation"), store.traces().items) == (2 if is_late else 1, [])
    for file in path.parent.iterdir():
        assert b"thankful" not in file.read_bytes()
        assert b"outraged" not in file.read_bytes()


def test_an_answer_that_is_there_keeps_its_feedback(sink: Sink, store: Store, make: Make) -> None:
    """A stored answer gets its feedback, even if its completion id was also that of an erased one."""
    sink.write([OpenSession(id="a", at_us=make.t0, user_identifier="ann", user_strength=3)])
    sink.write([make.call(1, make.trace(1, "a"), response_id="answer"), make.trace(1, "a")])
    store.erase_user("ann")
    sink.write([make.call(2, make.trace(2, "b"), response_id="answer"), make.trace(2, "b")])

    sink.write([AnnotationRow(id="f", created_us=make.t0, type="feedback", name="f", completion_id="answer", score=1)])

    (session,) = store.sessions()
    assert (session.id, session.feedback_score) == ("b", 1)


def test_an_erased_user_may_come_back(sink: Sink, store: Store, make: Make) -> None:
    """A session that is opened again after the erasure is recorded, without traces from before it."""
    sink.write(_visit(make, "s", "ann", 1))
    receipt = store.erase_user("ann")
    again_us = (receipt.erased_at - EPOCH) // timedelta(microseconds=1) + 10
    sink.write([OpenSession(id="s", at_us=again_us, user_identifier="ann", user_strength=3)])

    sink.write([make.trace(1, "s"), make.trace(7, "s"), make.trace(8, "s", started_us=again_us + 1)])

    assert [trace.id for trace in store.traces()] == [make.trace_id(8)]
    user = store.user("ann")
    assert user is not None
    assert (user.sessions, user.traces) == (1, 1)


def test_erasing_ends_while_the_user_continues(sink: Sink, store: Store, path: Path) -> None:
    """Sessions that the user begins during the erasure stay, and the erasure ends."""
    before = [
        OpenSession(id=f"before-{number}", at_us=1, user_identifier="ann", user_strength=3) for number in range(600)
    ]
    sink.write(before)
    begun: list[str] = []
    with ThreadPoolExecutor() as executor:
        erasing = executor.submit(store.erase_user, "ann")
        while not _is_buried(path):
            time.sleep(0.001)
        while not erasing.done():
            session = f"after-{len(begun)}"
            sink.write([OpenSession(id=session, at_us=time.time_ns() // 1000, user_identifier="ann", user_strength=3)])
            begun.append(session)

    assert erasing.result().sessions == 600
    assert {session.id for session in store.sessions(limit=1000)} == set(begun)
    assert store.verify() == []


def _is_buried(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT 1 FROM tombstones").fetchone() is not None


def test_pruning_takes_whole_sessions_and_their_sums(sink: Sink, store: Store, make: Make) -> None:
    """Pruning removes sessions and lone traces last active before the time, with their sums, and no others."""
    sink.write(_visit(make, "old", "ann", 1, 2))
    sink.write(_visit(make, "alive", "ann", 3, 5_000))
    sink.write([make.trace(6, None), make.trace(6_000, None)])
    _index(sink)

    receipt = store.prune(before=EPOCH + timedelta(microseconds=make.t0, seconds=100))

    assert (receipt.sessions, receipt.traces, receipt.spans, receipt.annotations) == (1, 3, 2, 3)
    assert {trace.session_id for trace in store.traces()} == {"alive", None}
    user = store.user("ann")
    assert user is not None
    assert (user.sessions, user.traces, user.input_tokens) == (1, 2, 20)
    assert len(store.search("hello")) == 2
    assert store.verify() == []
    assert store.ledger()["pruned"] == {"annotation": 3, "session": 1, "span": 2, "trace": 3}


def test_pruning_content_keeps_the_numbers(sink: Sink, store: Store, make: Make) -> None:
    """Pruning content removes content from before the time, and keeps rows, counts and tokens."""
    sink.write(_visit(make, "s", "ann", 1, 2, 5_000))
    _index(sink)

    receipt = store.prune(before=EPOCH + timedelta(microseconds=make.t0, seconds=100), content_only=True)

    session = store.session("s")
    assert session is not None
    assert isinstance(session.traces, list)
    assert (receipt.contents, receipt.sessions) == (2, 0)
    assert (receipt.traces, receipt.spans, receipt.annotations) == (2, 2, 3)
    assert [trace.result for trace in session.traces] == [None, None, "hello"]
    assert [trace.spans and trace.spans[0].input for trace in session.traces] == [None, None, "hello"]
    assert (session.llm_calls, session.input_tokens, session.first_input) == (3, 30, "hello")
    assert len(store.search("hello")) == 1
    assert store.verify() == []


def test_pruned_content_does_not_stay_in_the_file(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """Pruned results and logs of a trace without calls are gone from the file's bytes."""
    trace = make.trace(1, "s", result='"Ahab said so"')
    log = AnnotationRow(id="l", created_us=make.t0, type="log", name=None, value='"Ahab was here"', trace_id=trace.id)
    sink.write([OpenSession(id="s", at_us=make.t0), trace, log])
    assert b"Ahab" in _bytes(path)

    receipt = store.prune(before=EPOCH + timedelta(microseconds=make.t0, seconds=100), content_only=True)

    assert b"Ahab" not in _bytes(path)
    assert (receipt.traces, receipt.spans, receipt.annotations, receipt.contents) == (1, 0, 1, 0)
    assert store.ledger()["pruned"] == {}


@pytest.mark.parametrize("days", [800_000, 1e9])
def test_a_time_before_all_time_prunes_nothing(sink: Sink, store: Store, days: float) -> None:
    """Pruning by more days than the calendar has removes nothing."""
    sink.write([OpenSession(id="s", at_us=1)])

    receipt = store.prune(days=days)

    assert (receipt.sessions, len(store.sessions())) == (0, 1)


def test_pruning_content_takes_logs_and_comments_of_a_session(sink: Sink, store: Store, make: Make) -> None:
    """Pruning content removes logs and comments outside traces as well, and keeps tags and scores."""
    said = [
        AnnotationRow(id="log", created_us=make.t0, type="log", name=None, value='"old"', session_id="s"),
        AnnotationRow(id="good", created_us=make.t0, type="feedback", name="f", score=1, comment="old", session_id="s"),
        AnnotationRow(id="plan", created_us=make.t0, type="tag", name="plan", value='"pro"', session_id="s"),
        AnnotationRow(id="lost", created_us=make.t0, type="log", name=None, value='"old"'),
        AnnotationRow(id="new", created_us=make.t0 + 200_000_000, type="log", name=None, value='"new"', session_id="s"),
    ]
    sink.write(
        [
            OpenSession(id="s", at_us=make.t0),
            *said,
            *(
                AnnotationRow(id=f"m{number}", created_us=make.t0, type="log", name=None, value='"old"', session_id="s")
                for number in range(1_000)
            ),
        ]
    )

    store.prune(before=EPOCH + timedelta(microseconds=make.t0, seconds=100), content_only=True)

    session = store.session("s")
    assert session is not None
    kept = {each.id: each for each in session.annotations or () if each.value is not None or each.comment is not None}
    assert {each.id: each.value for each in kept.values()} == {"plan": "pro", "new": "new"}
    assert session.feedback_score == 1
    assert store.verify() == []


def test_pruning_takes_records_that_belong_to_nothing(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """Old annotations outside any session, and records whose session or trace never arrived, are pruned too."""
    sink.write(
        [
            AnnotationRow(id="a", created_us=make.t0, type="log", name=None, value='"unmistakeable"'),
            AnnotationRow(
                id="b", created_us=make.t0, type="feedback", name="f", score=1, comment="unmistakeable",
                session_id="never-came", completion_id="never-came",
            ),
            AnnotationRow(id="new", created_us=make.t0 + 200_000_000, type="log", name=None, value='"new"'),
            MoveTrace(
                trace_id=make.trace_id(1), session_id="s", at_us=make.t0, user_identifier="unmistakeable",
                user_strength=3,
            ),
        ]
    )  # fmt: skip

    receipt = store.prune(before=EPOCH + timedelta(microseconds=make.t0, seconds=100))

    assert receipt.annotations == 2
    assert store.ledger()["pruned"] == {"annotation": 2}
    assert store.verify() == []
    assert _bytes(path).count(b"unmistakeable") == 0


def test_pruning_shrinks_the_file(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """Pruning most records shrinks the store to less than a quarter."""
    for start in range(0, 400, 100):
        sink.write(_visit(make, f"s{start}", None, *range(start, start + 100), word="word " * 400))
    before = store.info()

    store.prune(before=EPOCH + timedelta(microseconds=make.t0, days=1))

    after = store.info()
    assert after.size_bytes + after.wal_bytes < (before.size_bytes + before.wal_bytes) / 4


def test_ids_are_not_used_again_after_pruning(sink: Sink, store: Store, make: Make) -> None:
    """Records written after a pruning are found: the search index relies on ids that are never used again."""
    sink.write(_visit(make, "old", None, 1, 2, 3))
    _index(sink)
    store.prune(before=EPOCH + timedelta(microseconds=make.t0, days=1))

    sink.write(_visit(make, "new", None, 4, word="fresh"))
    _index(sink)

    assert [hit.session_id for hit in store.search("fresh")] == ["new"]
    assert store.search("hello").items == []


@pytest.mark.parametrize(
    "arguments", [{}, {"days": 1, "before": datetime.now(UTC)}, {"days": -1}, {"days": "30"}, {"before": "2026"}]
)
def test_pruning_asks_for_one_time(store: Store, arguments: dict[str, Any]) -> None:
    """`prune` raises unless it is given exactly one valid time."""
    with pytest.raises(ConfigurationError):
        store.prune(**arguments)


@pytest.mark.parametrize("name", ["dry_run", "content_only"])
@pytest.mark.parametrize("value", ["no", 0, None])
def test_pruning_takes_no_value_for_a_bool(sink: Sink, store: Store, make: Make, name: str, value: Any) -> None:
    """`prune` removes nothing when it is not said clearly whether and what it may remove."""
    sink.write([OpenSession(id="s", at_us=make.t0)])

    with pytest.raises(ConfigurationError, match=f"{name} must be True or False, not {value!r}"):
        store.prune(before=datetime.now(UTC), **{name: value})
    assert store.session("s") is not None


@pytest.mark.parametrize("days", ["x", 0, float("nan"), float("inf"), True])
def test_retention_takes_a_number_of_days(path: Path, days: Any) -> None:
    """`retention_days` that are no number of days raise when the sink is made."""
    with pytest.raises(ConfigurationError, match="retention_days must be a number above 0"):
        open_sink(path, retention_days=days)


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))])
def test_the_ends_of_the_calendar_in_any_zone(store: Store, zone: timezone) -> None:
    """The first and the last time of the calendar are times, also where UTC has none that is the same."""
    first, last = datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)

    assert store.prune(before=first).sessions == 0
    assert store.prune(before=last, dry_run=True).sessions == 0
    assert store.activity(since=first, until=last, buckets=1).total.traces == 0


def test_pruning_by_days_before_the_first_year(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """An age that reaches back before the year 1 removes nothing, as `days` and as `retention_days`."""
    sink.write([OpenSession(id="s", at_us=make.t0)])
    patient = open_sink(path, retention_days=1e9)

    receipt = store.prune(days=1e9)
    more = patient.maintain()

    patient.close()
    assert (receipt.sessions, receipt.before.year, more) == (0, 1, False)
    assert store.session("s") is not None


def test_retention_prunes_while_the_writer_rests(path: Path, store: Store, make: Make) -> None:
    """With `retention_days` set, maintenance removes records that are too old."""
    sink = open_sink(path, retention_days=1)
    sink.write(_visit(make, "old", None, 1, 2))

    _index(sink)

    sink.close()
    assert store.sessions().items == []
    assert store.verify() == []


def test_an_export_has_everything_of_one_user(sink: Sink, store: Store, make: Make) -> None:
    """An export has the user's sessions and their traces elsewhere, without traces of others in their sessions."""
    sink.write(_visit(make, "anns", "ann", 1, word="mine"))
    sink.write([make.trace(2, "anns", user_identifier="bob", user_strength=3)])
    sink.write([make.trace(3, None, user_identifier="ann", user_strength=3)])
    sink.write(_visit(make, "bobs", "bob", 4, word="theirs"))

    records = list(store.export_user("ann"))

    text = json.dumps(records)
    assert [record["record"] for record in records] == ["user", "session", "trace"]
    assert [trace["id"] for trace in records[1]["traces"]] == [make.trace_id(1)]
    assert records[2]["id"] == make.trace_id(3)
    assert text.count("mine") == 5
    assert "theirs" not in text
    assert "bob" not in text


def test_an_export_has_no_words_of_others(sink: Sink, store: Store, make: Make) -> None:
    """In an export `first_input` and `last_output` of a session come from its owner's traces."""
    sink.write([OpenSession(id="anns", at_us=make.t0, user_identifier="ann", user_strength=3)])
    for number, user in enumerate(["bob", "ann", "ann", "bob"]):
        visit = make.trace(number, "anns", user_identifier=user, user_strength=3)
        sink.write([make.call(number, visit, input_preview=f"{user} asks", output_preview=f"to {user}"), visit])

    _, session = store.export_user("ann")

    assert (session["first_input"], session["last_output"]) == ("ann asks", "to ann")
    assert "bob" not in json.dumps(session)


def test_an_export_of_an_unknown_user_is_empty(store: Store) -> None:
    """The export of an unknown user is empty."""
    assert list(store.export_user("eve")) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list open files")
def test_removing_keeps_no_file_open(sink: Sink, store: Store, make: Make, path: Path) -> None:
    """Pruning and erasing close their connections: Python 3.13 warns of unclosed ones in a collected store."""
    sink.write(_visit(make, "s", "ada", 1, 2))
    sink.close()

    store.prune(before=EPOCH, content_only=True)
    store.erase_user("ada")

    assert _open_files(path) == 0


def _open_files(path: Path) -> int:
    return sum(str(path) in os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
