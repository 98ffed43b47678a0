"""Several processes that do everything to one store at once, killed at random; then a recount."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from baserun.store import open_store
from baserun.store.sqlite._plain_text import COLUMNS, plain_text

Make = Callable[[str], Any]

TOKENIZED = "CREATE VIRTUAL TABLE search USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2')"

VISITOR = """
    import random
    from baserun._annotations import feedback_by
    from contextlib import closing
    from datetime import UTC, datetime, timedelta

    name, chance = sys.argv[2], random.Random(sys.argv[2])
    sessions = [f"session-{number}" for number in range(12)]
    users = [f"user-{number}" for number in range(5)]
    traces = ["f" * 32]
    baserun.init(store=path, instrument="none", flush_interval=chance.choice([0.001, 0.05]))

    def talk():
        user = chance.choice([None, *users])
        with baserun.with_session(user, chance.choice(sessions), auto_end=chance.random() < 0.5):
            with baserun.start_trace("turn") as trace:
                traces.append(trace.id)
                for kind in chance.sample(["llm", "tool", "embedding"], chance.randrange(4)):
                    with baserun.span("call", kind=kind) as span:
                        span.result = f"{name} says {chance.random()} to {user}"
                if chance.random() < 0.2:
                    go_on_elsewhere()
                if chance.random() < 0.2:
                    baserun.identify(chance.choice(users))
                if chance.random() < 0.2:
                    baserun.tag("plan", "pro")

    def go_on_elsewhere():
        carried = baserun.inject({})
        hours = chance.choice([-2, 0, 2, 1000])
        carried["tracestate"] = f"baserun={int((time.time() + hours * 3600) * 1e6)}"
        with baserun.extract(carried), baserun.span("job", kind="tool") as span:
            span.result = f"{name} says it later"
        baserun.flush(chance.choice([0, 60]))

    def judge():
        session = {"session_id": chance.choice([*sessions, "never"])}
        baserun.feedback("mark", chance.random(), **chance.choice([session, {"trace_id": chance.choice(traces)}]))
        with closing(baserun.open_store(path, budget=None)) as store:
            answers = [*traces[-3:], *(trace.id for trace in store.traces(limit=5))]
        for _ in range(3):
            said = chance.choice([{"score": chance.random()}, {"thumbsup": False, "comment": "no"}, {"comment": "so?"}])
            feedback_by(chance.choice(users), "mark", session_id=None, trace_id=chance.choice(answers), **said)

    def change():
        moment = datetime.now(UTC) - timedelta(seconds=chance.random())
        with closing(baserun.open_store(path, budget=None)) as store:
            chance.choice([
                lambda: store.erase_user(chance.choice(users)),
                lambda: store.prune(before=moment, content_only=chance.random() < 0.5),
                lambda: store.end_session(chance.choice(sessions)),
            ])()

    def look():
        with closing(baserun.open_store(path, budget=None)) as store:
            found = [len(store.search("says")), len(store.sessions()), len(list(store.export_user(users[0])))]
            assert store.verify() == [], found

    def multiply():
        if os.fork() == 0:
            talk()
            baserun.flush(60)
            os._exit(0)

    for number in range(int(sys.argv[3])):
        for act in chance.choices([talk, judge, change, look, multiply], [60, 15, 4, 6, 4]):
            act()
        if number == 0:
            assert baserun.flush(60)
            print("begun", flush=True)
    assert baserun.flush(60)
    closed()
"""


@pytest.mark.storm
@pytest.mark.parametrize("is_killed", [False, True], ids=["to the end", "killed"])
def test_visitors_erasures_and_prunings_at_once(program: Make, path: Path, is_killed: bool) -> None:
    """After processes recorded, erased, pruned, searched and forked at once, sums and search index are right."""
    visitor, moments = program(VISITOR), random.Random(is_killed)
    flags = ("-W", "ignore::DeprecationWarning")

    for turn in range(4):
        steps = 10**9 if is_killed else 200
        running = [visitor.start(f"visitor{turn}{number}", steps, flags=flags) for number in range(4)]
        for process in running:
            assert process.stdout.readline() == "begun\n", process.stderr.read()
        if is_killed:
            for process in running:
                time.sleep(moments.uniform(0.0, 0.5))
                process.kill()
        for process in running:
            _, err = process.communicate(timeout=300)
            assert err == ""

    with closing(open_store(path, budget=None)) as store:
        assert store.verify() == []
    assert _index(path) == _expected_index(path)


def _index(path: Path) -> set[tuple[str, int, int]]:
    """Return the words in the search index, with their rows and positions."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, search, instance)")
        return set(connection.execute("SELECT term, doc, offset FROM temp.words"))


def _expected_index(path: Path) -> set[tuple[str, int, int]]:
    """Return the words that should be in the index: of all contents up to the last one indexed."""
    with closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(":memory:")) as fresh:
        fresh.execute(TOKENIZED)
        fresh.execute("CREATE VIRTUAL TABLE words USING fts5vocab (search, instance)")
        last = "SELECT value FROM counters WHERE name = 'search_watermark'"
        for row_id, *row in connection.execute(f"SELECT id, {COLUMNS} FROM contents WHERE id <= ({last})"):
            fresh.execute("INSERT INTO search (rowid, text) VALUES (?, ?)", (row_id, plain_text(tuple(row))))
        return set(fresh.execute("SELECT term, doc, offset FROM words"))
