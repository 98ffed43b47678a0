"""Generating a test, with its recording, from a recorded session."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from baserun.store import StoredSession
from baserun.testing._replay.canonical import Canon
from baserun.testing._replay.files import text_of
from baserun.testing._replay.from_session import Turn, recording_of
from baserun.testing._replay.recording import Recording, RecordingError

FOLDER = "recordings"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOST = 40

_TEST = '''"""A recorded session, replayed without network or key: {calls} and {turns}.

Written by `baserun sessions to-test`; the provider's answers are in {folder}/{name}.json.
"""

from __future__ import annotations

{imports}
TURNS: list[tuple[str, str | None]] = [
{told}
]
"""What the user said and what the application answered; None where the call failed: add an assertion for it below."""

{stub}
@pytest.mark.baserun_replay("{folder}/{name}.json")
def test_{name}({parameter}) -> None:
    """The application sends the recorded requests and gives the recorded answers."""
    for said, answered in TURNS:
        answer = {called}(said)

        if answered is not None:
            assert answer == answered
'''
_STUB = '''
def drive(turn: str) -> str | None:
    """Say `turn` to the application, each in the same conversation, and return what it answers."""
    pytest.fail(
        "drive(turn) in this file is not filled in yet. Let it call your application as a person would: its function "
        "(`return my_app.answer(turn)`) or its route (`return client.post('/chat', json={'text': turn}).json()['text']`"
        "), with the same client for all turns. What the model answers comes from the recording.",
        pytrace=False,
    )

'''


class GeneratedTest(msgspec.Struct, kw_only=True):
    """A test and the recording that it replays, as two files."""

    name: str
    calls: int
    turns: int
    files: dict[str, str]
    """Contents by path, relative to the folder of the test."""


def generate(session: StoredSession, *, name: str | None = None, drive: str | None = None) -> GeneratedTest:
    """Make a test of a session.

    Args:
        session: The session, with its traces, spans and content.
        name: The name of the test; made from the session's id if left out.
        drive: The source of `drive(turn)`: ``module:function``, or the name of a fixture; None writes a stub to be
            filled in.

    Raises:
        RecordingError: The session cannot be replayed, or an argument cannot be used.
    """
    chosen = _name_of(session.id) if name is None else name
    if not _NAME.fullmatch(chosen):
        raise RecordingError(f"A test cannot be called {chosen!r}; write small letters, digits and underscores.")
    recording, turns = _masked(*recording_of(session))
    files = {
        f"test_{chosen}.py": _test(chosen, recording, turns, _driver(drive)),
        str(Path(FOLDER, f"{chosen}.json")): text_of(recording),
    }
    return GeneratedTest(name=chosen, calls=len(recording.calls), turns=len(turns), files=files)


def _masked(recording: Recording, turns: list[Turn]) -> tuple[Recording, list[Turn]]:
    """Mask secrets in both, which a store may have: test files are shared."""
    canon = Canon("default", ())
    for call in recording.calls:
        call.request.body = canon.masked(call.request.path, call.request.body)
        call.answer.body = canon.answered(call.answer.body)
        call.answer.error = canon.answered(call.answer.error, "error")
    return recording, [Turn(said=canon.answered(turn.said), answered=canon.answered(turn.answered)) for turn in turns]


def _name_of(session_id: str) -> str:
    short = session_id[:8] if _UUID.fullmatch(session_id) else session_id
    words = re.sub(r"[^a-z0-9]+", "_", short.lower()).strip("_")[:_MOST].strip("_")
    return f"session_{words}" if words else "session"


class _Driver(msgspec.Struct, kw_only=True):
    """How a generated test gets the function that passes a turn to the application."""

    imports: str = "import pytest\n"
    parameter: str = ""
    called: str = "drive"
    stub: str = ""


def _driver(drive: str | None) -> _Driver:
    if drive is None:
        return _Driver(stub=_STUB)
    if _MODULE.fullmatch(drive):
        module, _, function = drive.partition(":")
        alias = "" if function == "drive" else " as drive"
        return _Driver(imports=f"import pytest\n\nfrom {module} import {function}{alias}\n")
    if not drive.isidentifier():
        raise RecordingError(
            f"The turns cannot be said to {drive!r}; write module:function, such as tests.chat:drive, or the name of a "
            "fixture."
        )
    imports = "from collections.abc import Callable\n\nimport pytest\n"
    return _Driver(imports=imports, parameter=f"{drive}: Callable[[str], str | None]", called=drive)


def _test(name: str, recording: Recording, turns: list[Turn], driver: _Driver) -> str:
    return _TEST.format(
        calls=_count(len(recording.calls), "call"),
        turns=_count(len(turns), "turn"),
        folder=FOLDER,
        name=name,
        told="\n".join(f"    ({_literal(turn.said)}, {_literal(turn.answered)})," for turn in turns),
        imports=driver.imports,
        stub=driver.stub,
        parameter=driver.parameter,
        called=driver.called,
    )


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def _literal(text: str | None) -> str:
    """Return the text as a Python literal, in double quotes where that needs no more escapes."""
    written = repr(text)
    return f'"{written[1:-1]}"' if text is not None and written.startswith("'") and '"' not in text else written
