"""Whole programs, among them those of the documentation, each run in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from baserun.store import StoredCall, open_store
from baserun.testing import OfflineModel

USER = sha256(b"user@example.com").hexdigest()

PROGRAM = """
from hashlib import sha256
import baserun, openai

baserun.api_key = "..."
with baserun.with_session(user_identifier=sha256(b"user@example.com").hexdigest()) as session:
    openai.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": 'Say "this is a test"'}])
    session_id = session.id

with baserun.with_session(user_identifier=sha256(b"user@example.com").hexdigest(), session_identifier=session_id):
    openai.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": 'Say "this is a test"'}])
"""

ASYNC_PROGRAM = """
import asyncio
from hashlib import sha256
import baserun
from openai import AsyncOpenAI

async def main():
    client = AsyncOpenAI()
    user = sha256(b"user@example.com").hexdigest()
    session_id = None
    for _ in range(2):
        async with baserun.with_session(user_identifier=user, session_identifier=session_id) as session:
            session_id = session.id
            messages = [{"role": "user", "content": 'Say "this is a test"'}]
            stream = await client.chat.completions.create(
                model="gpt-4o-mini", messages=messages, stream=True, stream_options={"include_usage": True}
            )
            async for chunk in stream:
                pass

asyncio.run(main())
"""

CLIENT_FIRST_PROGRAM = PROGRAM.replace("import baserun, openai", "import openai, baserun")


CALLS_WHILE_PRICES_ARE_LOADED = """
import sys, time
import baserun, openai
from baserun.testing import capture

with capture() as captured:
    client = openai.OpenAI()
    end = time.monotonic() + 30
    while "genai_prices.data" not in sys.modules and time.monotonic() < end:
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])
    assert all(call.cost_usd is not None for call in captured.calls)
"""

LEFT_PROGRAM = """
import atexit, gc, os

# The last of the exit handlers: Python 3.13.0 crashes when it finalises what this leaves, with and without Baserun.
atexit.register(os._exit, 0)

import baserun, openai

client = openai.OpenAI()
given = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Count to 50"}], "stream": True}

def view():
    for chunk in client.chat.completions.create(**given):
        yield chunk

gc.disable()  # as good as a process that ends soon
with baserun.with_session():
    pieces = view()
    for _ in range(5):
        next(pieces)
    pieces.close()
    held = client.chat.completions.create(**given)
"""


@pytest.mark.parametrize("program", [PROGRAM, ASYNC_PROGRAM, CLIENT_FIRST_PROGRAM])
def test_program(tmp_path: Path, offline: OfflineModel, program: str) -> None:
    """The program records one session of its user, with two traces and two calls, their tokens and cost."""
    run_program(program, tmp_path, offline)

    store = open_store(str(tmp_path / ".baserun" / "baserun.sqlite3"))
    try:
        (listed,) = store.sessions()
        session = store.session(listed.id)
    finally:
        store.close()
    assert session is not None
    assert (session.user_identifier, session.llm_calls, session.errors) == (USER, 2, 0)
    assert session.first_input == 'Say "this is a test"'
    assert session.last_output == "this is a test"
    assert isinstance(session.traces, list)
    assert len(session.traces) == 2
    calls = [span for trace in session.traces for span in trace.spans or [] if isinstance(span, StoredCall)]
    assert all(call.cost_usd and call.usage for call in calls)
    assert session.cost_usd == sum(call.cost_usd or 0 for call in calls)


def test_calls_while_the_price_list_is_loaded(tmp_path: Path, offline: OfflineModel) -> None:
    """Importing the price list on the writer's thread does not disturb concurrent calls."""
    run_program(CALLS_WHILE_PRICES_ARE_LOADED, tmp_path, offline)


def test_a_stream_that_was_left_is_recorded_when_the_process_ends(tmp_path: Path, offline: OfflineModel) -> None:
    """At the end of the process, streams that were left are recorded, closed or not, without garbage collection."""
    run_program(LEFT_PROGRAM, tmp_path, offline)

    store = open_store(str(tmp_path / ".baserun" / "baserun.sqlite3"))
    try:
        traces = [store.trace(row.id) for row in store.traces(sort="started")]
    finally:
        store.close()
    left, held = (span for trace in traces if trace is not None for span in trace.spans or [])
    assert isinstance(left, StoredCall)
    assert isinstance(held, StoredCall)
    assert (left.stream_end, left.output[0]["content"]) == ("collected", "1 2 3 4")
    assert (held.stream_end, held.output) == ("unread", None)


def run_program(program: str, folder: Path, model: OfflineModel) -> None:
    # On a machine that is busy with other tests the exit may need longer than the default.
    environment = {**os.environ, **model.environment(), "BASERUN_EXIT_TIMEOUT": "30"}
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", program]

    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    assert run.returncode == 0, run.stderr
