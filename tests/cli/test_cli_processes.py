"""The command line shows what several processes recorded in one session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys, baserun
baserun.init(store=sys.argv[1], instrument="none")
with baserun.with_session(user_identifier="somebody", session_identifier=sys.argv[2]):
    with baserun.start_trace(sys.argv[3]):
        pass
"""
COMMAND = "from baserun.cli import main; main()"


def test_a_session_that_two_processes_shared(tmp_path: Path) -> None:
    """A session that a second process resumes by its id is shown once, with both traces in order."""
    store = str(tmp_path / "shared.sqlite3")
    for name in ("first", "second"):
        subprocess.run([sys.executable, "-c", PROGRAM, store, "conversation-1", name], check=True)

    shown = subprocess.check_output(
        [sys.executable, "-c", COMMAND, "sessions", "show", "conversation-1", "--json", "--store", store]
    )
    session = json.loads(shown)

    assert (session["id"], session["user_identifier"]) == ("conversation-1", "somebody")
    assert [trace["name"] for trace in session["traces"]] == ["first", "second"]
    assert {trace["status"] for trace in session["traces"]} == {"ok"}
