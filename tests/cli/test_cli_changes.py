"""Commands that remove or export records: `users erase`, `users export` and `prune`; and `stats`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import baserun
from baserun.store import open_store
from baserun.store.sqlite._lock import WriteLock

Run = Callable[..., Result]
ALICE = baserun.hash_user("alice@example.com")


def counts(path: Path) -> tuple[int, int, int]:
    """Return the numbers of stored sessions, traces and spans."""
    store = open_store(path)
    info = store.info()
    store.close()
    return info.sessions, info.traces, info.spans


def two_ages(teller: Any) -> None:
    """Record a session and a trace without one, both forty days old, and a fresh session."""
    with baserun.with_session(session_identifier="old"):
        teller.call(("user", "old words"), answer="old answer")
    with baserun.start_trace("alone"):
        teller.clock.advance(1)
    teller.clock.advance(39 * 86_400)
    with baserun.with_session(session_identifier="new"):
        teller.call(("user", "new words"), answer="new answer")


@pytest.fixture(name="aged")
def _aged(record: Callable[..., Path]) -> Path:
    return record(two_ages, start=datetime.now(UTC) - timedelta(days=40))


def test_erasing_gives_a_receipt(ask: Run, story: Path) -> None:
    """`users erase` removes everything of the user, and prints how much that was."""
    result = ask("users", "erase", "alice@example.com", "--yes")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"Erased user {ALICE} at ")
    assert result.stdout.endswith(": 1 session, 3 traces, 5 spans, 2 annotations.\n")
    assert counts(story) == (0, 0, 0)


def test_the_receipt_is_json_on_request(ask: Run) -> None:
    """`users erase --json` prints the receipt with the fields of the store."""
    receipt = json.loads(ask("users", "erase", ALICE, "--yes", "--json").stdout)

    assert (receipt["user_identifier"], receipt["sessions"], receipt["spans"]) == (ALICE, 1, 5)


@pytest.mark.parametrize(
    "arguments",
    [
        ("users", "erase", "alice@example.com"),
        ("prune", "--older-than", "0s"),
        ("prune", "--older-than", "0s", "--content-only"),
    ],
)
def test_nothing_is_removed_without_consent(ask: Run, story: Path, arguments: tuple[str, ...]) -> None:
    """Without a terminal to ask on, erasing and pruning need `--yes`."""
    before = counts(story)

    result = ask(*arguments)

    assert result.exit_code == 1
    assert "add --yes to do it" in result.stderr
    assert counts(story) == before


def test_a_part_of_an_identifier_erases_nobody(ask: Run, story: Path) -> None:
    """`users erase` takes a whole identifier only, not its beginning."""
    result = ask("users", "erase", ALICE[:8], "--yes")

    assert result.exit_code == 1
    assert counts(story) == (1, 3, 5)


def test_export_writes_a_json_object_a_line(ask: Run, story: Path, tmp_path: Path) -> None:
    """`users export` writes each record of the store's export as a line of JSON, to standard output or a file."""
    store = open_store(story)
    records = list(store.export_user(ALICE))
    store.close()

    printed = ask("users", "export", "alice@example.com")
    written = ask("users", "export", ALICE, "-o", str(tmp_path / "alice.jsonl"))

    assert [json.loads(line) for line in printed.stdout.splitlines()] == records
    assert written.stdout == ""
    assert (tmp_path / "alice.jsonl").read_text(encoding="utf-8") == printed.stdout


def test_export_of_an_unknown_user_writes_no_file(ask: Run, tmp_path: Path) -> None:
    """`users export` of an unknown user fails and writes no file."""
    result = ask("users", "export", "bob@example.com", "-o", str(tmp_path / "bob.jsonl"))

    assert result.exit_code == 1
    assert not (tmp_path / "bob.jsonl").exists()


def test_prune_removes_what_is_old(run: Run, aged: Path) -> None:
    """`prune` removes sessions by their last activity, and old traces without a session."""
    result = run("--store", str(aged), "prune", "--older-than", "30d", "--yes")

    assert result.exit_code == 0
    assert ": 1 session, 2 traces, 1 span, 0 annotations." in result.stdout
    assert counts(aged) == (1, 1, 1)


def test_prune_of_content_keeps_the_rows(run: Run, aged: Path) -> None:
    """`prune --content-only` removes old content and keeps the rows."""
    result = run("--store", str(aged), "prune", "--older-than", "30d", "--content-only", "--yes")

    assert "the content of 1 span." in result.stdout
    assert counts(aged) == (2, 3, 2)
    assert "old words" not in run("--store", str(aged), "sessions", "show", "old").stdout
    assert "new words" in run("--store", str(aged), "sessions", "show", "new").stdout


def test_prune_of_content_counts_all_kinds(ask: Run, story: Path) -> None:
    """`prune --content-only` counts the content of traces, spans and annotations."""
    result = ask("prune", "--older-than", "0s", "--content-only", "--yes")

    assert "the content of 1 trace, 4 spans, 1 annotation." in result.stdout


def test_prune_of_content_that_is_gone_already(run: Run, aged: Path) -> None:
    """`prune --content-only` says that it removed the content of 0 spans if there was none left."""
    result = run("--store", str(aged), "prune", "--older-than", "90d", "--content-only", "--yes")

    assert result.stdout.startswith("Removed what was said before")
    assert "the content of 0 spans." in result.stdout


@pytest.mark.parametrize(
    ("options", "words", "amounts"),
    [
        ((), "what was last active before", "1 session, 2 traces, 1 span, 0 annotations"),
        (("--content-only",), "what was said before", "the content of 1 span"),
    ],
)
def test_a_dry_run_only_says(run: Run, aged: Path, options: tuple[str, ...], words: str, amounts: str) -> None:
    """`prune --dry-run` says what would be removed, and removes nothing."""
    result = run("--store", str(aged), "prune", "--older-than", "30d", "--dry-run", *options)

    assert result.stdout.startswith(f"Would remove {words}")
    assert result.stdout.endswith(f": {amounts}; nothing was changed.\n")
    assert counts(aged) == (2, 3, 2)


@pytest.mark.parametrize("options", [(), ("--content-only",)])
def test_a_dry_run_tells_the_amounts_of_the_real_run(ask: Run, story: Path, options: tuple[str, ...]) -> None:
    """In words and in JSON `prune --dry-run` reports the amounts that the real run removes."""
    command = ("prune", "--older-than", "0s", *options)
    told = ask(*command, "--dry-run").stdout
    told_json = json.loads(ask(*command, "--dry-run", "--json").stdout)

    done = json.loads(ask(*command, "--yes", "--json").stdout)

    assert {**done, "before": None, "dry_run": True} == {**told_json, "before": None}
    assert f"{done['spans']} spans, {done['annotations']} annotation" in told


def test_a_dry_run_in_json(run: Run, aged: Path) -> None:
    """`prune --dry-run --json` prints the numbers of what would be removed."""
    written = json.loads(run("--store", str(aged), "prune", "--older-than", "30d", "--dry-run", "--json").stdout)

    assert (written["sessions"], written["traces"], written["dry_run"]) == (1, 2, True)


def test_prune_in_json_is_the_receipt(run: Run, aged: Path) -> None:
    """`prune --json` prints the receipt with the fields of the store."""
    written = json.loads(run("--store", str(aged), "prune", "--older-than", "30d", "--yes", "--json").stdout)

    assert (written["sessions"], written["traces"], written["spans"]) == (1, 2, 1)


def test_stats_print_totals_and_ledger(run: Run, aged: Path) -> None:
    """`stats` prints the numbers of stored records and the ledger."""
    run("--store", str(aged), "prune", "--older-than", "30d", "--yes")

    plain = dict(line.split("\t") for line in run("--store", str(aged), "stats").stdout.splitlines())
    written = json.loads(run("--store", str(aged), "stats", "--json").stdout)

    assert (plain["sessions"], plain["stored.session"], plain["pruned.session"]) == ("1", "2", "1")
    assert written["sessions"] == 1
    assert written["ledger"]["pruned"]["trace"] == 2


@pytest.mark.parametrize("command", [("users", "erase", ALICE), ("prune", "--older-than", "365d")])
def test_waiting_for_another_writer_is_reported(command: tuple[str, ...], story: Path) -> None:
    """A command that changes the store says that another process holds the lock, and continues when it is free."""
    lock = WriteLock(str(story))
    with lock.held():
        waiting = subprocess.Popen(
            [sys.executable, "-c", "from baserun.cli import main; main()", *command, "--yes", "--store", str(story)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        assert waiting.poll() is None
    told, more = waiting.communicate(timeout=60)

    assert said == f"baserun: another process is writing to the store ({story}.lock); waiting for it.\n"
    assert (waiting.returncode, more) == (0, "")
    assert told.startswith(("Erased", "Removed"))
    lock.close()


def test_nothing_is_reported_without_waiting(ask: Run) -> None:
    """A command that need not wait for the lock prints nothing to standard error."""
    assert ask("users", "erase", ALICE, "--yes").stderr == ""
