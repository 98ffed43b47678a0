"""Jobs in Celery: a real worker, and messages in files."""

from __future__ import annotations

from typing import Any

import celery  # type: ignore[import-untyped]
import openai  # noqa: F401  (the worker needs it)
import pytest

from baserun.testing import OfflineModel
from waiting import eventually

WORKER = ("-m", celery.__name__, "--app", "jobs", "worker", "--without-gossip", "--without-mingle", "--pool")
PEOPLE = ("anna", "bert")


@pytest.mark.parametrize(
    "pool",
    [
        ("solo",),
        pytest.param(("prefork",), marks=pytest.mark.storm),
        pytest.param(("prefork", "--max-tasks-per-child", "1"), marks=pytest.mark.storm),
    ],
    ids=" ".join,
)
def test_jobs_go_on_in_the_session_they_were_sent_from(make_place: Any, pool: tuple[str, ...]) -> None:
    """Calls of jobs are in the sessions and traces of the users who enqueued them."""
    with OfflineModel() as model:
        place = make_place(model.environment())
        for folder in ("queue", "control"):
            (place.folder / folder).mkdir()
        place.run("-c", f"import jobs\nfor name in {PEOPLE}: jobs.ask(name, [name + ' one', name + ' two'])")
        with place.running(*WORKER, *pool, "--concurrency", "2") as written:
            eventually(lambda: written() and place.calls() == 4)

    said = {
        session.user_identifier: [
            (trace.name, sorted(span.input[-1]["content"] for span in trace.spans)) for trace in session.traces
        ]
        for session in place.sessions()
    }
    assert said == {name: [(f"asked by {name}", [f"{name} one", f"{name} two"])] for name in PEOPLE}
    assert place.problems() == []
