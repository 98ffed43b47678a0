"""Records of an erased user that arrive after the erasure are not kept."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baserun.store import Sink, Store, open_sink, open_store
from baserun.store.rows import AnnotationRow, EndSession, IdentifyUser, MoveTrace, OpenSession, Row

Make = Any
"""The fixture of conftest, which cannot be imported."""

LONG_AGO = 1_600_000_000_000_000


def _before_the_erasure(make: Make) -> list[Row]:
    """Make rows of Ann: in her session, in one that becomes hers, in Bob's, and a trace moved from Bob's to hers."""
    anns, anonymous = make.trace(1, "anns", started_us=LONG_AGO), make.trace(2, "unknown", started_us=LONG_AGO)
    bobs = make.trace(3, "bobs", started_us=LONG_AGO, user_identifier="bob", user_strength=2)
    beside = make.trace(4, "bobs", started_us=LONG_AGO, user_identifier="ann", user_strength=3)
    moved = make.trace(5, "bobs", started_us=LONG_AGO)
    traces = [anns, anonymous, bobs, beside, moved]
    notes = {"a": {"session_id": "anns"}, "u": {"session_id": "unknown"}, "b": {"trace_id": bobs.id}}
    return [
        OpenSession(id="anns", at_us=LONG_AGO, user_identifier="ann", user_strength=3),
        OpenSession(id="unknown", at_us=LONG_AGO),
        OpenSession(id="bobs", at_us=LONG_AGO, user_identifier="bob", user_strength=2),
        *(make.call(number, trace, output=f'"word{number}"') for number, trace in enumerate(traces, 1)),
        *traces,
        IdentifyUser(session_id="unknown", at_us=LONG_AGO, user_identifier="ann", user_strength=2),
        MoveTrace(trace_id=moved.id, session_id="anns", at_us=LONG_AGO, user_identifier="ann", user_strength=2),
        EndSession(id="anns", at_us=LONG_AGO),
        *(
            AnnotationRow(id=name, created_us=LONG_AGO, type="feedback", name="f", score=1, **to)
            for name, to in notes.items()
        ),
    ]


@given(data=st.data())
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_late_rows_of_an_erased_user_are_not_kept(make: Make, data: st.DataObject) -> None:
    """Whichever rows were stored at the erasure, in the end no row of the user is there, and all of others are."""
    rows = data.draw(st.permutations(_before_the_erasure(make)))
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(rows)), min_size=1, max_size=4))), len(rows)]
    erased_after = data.draw(st.integers(0, len(cuts) - 2))
    with TemporaryDirectory() as folder, closing(open_sink(f"{folder}/x.sqlite3")) as sink:
        store = open_store(f"{folder}/x.sqlite3", budget=None)
        sink.write([])
        for number, (start, stop) in enumerate(pairwise(cuts)):
            sink.write(rows[start:stop])
            _index(sink)
            if number == erased_after:
                store.erase_user("ann")

        assert [(user.user_identifier, user.sessions, user.traces) for user in store.users()] == [("bob", 1, 1)]
        assert [session.id for session in store.sessions()] == ["bobs"]
        assert [trace.id for trace in store.traces()] == [make.trace_id(3)]
        assert [len(store.search(f"word{number}")) for number in range(1, 6)] == [0, 0, 1, 0, 0]
        assert store.verify() == []
        store.close()


def test_a_session_identified_as_an_erased_users_leaves_no_bytes(
    sink: Sink, store: Store, make: Make, path: Path
) -> None:
    """A stored anonymous session that is identified as an erased user's is removed, also from the file's bytes."""
    sink.write([OpenSession(id=name, at_us=LONG_AGO) for name in ("kept", "private-session")])
    trace = make.trace(2, "private-session", started_us=LONG_AGO)
    sink.write([make.call(2, trace, output='"unmistakeable"'), trace])
    _index(sink)
    store.erase_user("ann")

    sink.write([IdentifyUser(session_id="private-session", at_us=LONG_AGO, user_identifier="ann", user_strength=2)])

    assert [session.id for session in store.sessions()] == ["kept"]
    assert store.ledger()["erased"] == {"session": 2, "span": 1, "trace": 1}
    assert store.verify() == []
    files = [each for each in path.parent.iterdir() if each.name.startswith(path.name)]
    found = b"".join(each.read_bytes() for each in files)
    assert [word for word in (b"unmistakeable", b"private-session") if word in found] == []


def _index(sink: Sink) -> None:
    while sink.maintain():
        pass
