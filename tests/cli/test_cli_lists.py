"""Lists of sessions, users, traces and search hits: columns, JSON, filters and pages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import baserun
from baserun.cli._types import MOMENT
from baserun.store import open_store

Run = Callable[..., Result]

SESSION = "00000000-0000-4000-8000-000000000001"
ALICE = baserun.hash_user("alice@example.com")


def rows(result: Result) -> list[dict[str, str]]:
    """Read the tab-separated lines as dicts."""
    assert result.exit_code == 0, result.output
    header, *lines = result.stdout.splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_a_bare_noun_lists(ask: Run) -> None:
    """`baserun sessions` means `baserun sessions list`, with options too."""
    assert ask("sessions").stdout == ask("sessions", "list").stdout
    assert ask("traces", "--limit", "1").stdout == ask("traces", "list", "--limit", "1").stdout


def test_sessions_in_a_pipe_have_whole_values(ask: Run) -> None:
    """In a pipe a session has the record's field names, whole ids, and exact times and amounts."""
    (session,) = rows(ask("sessions"))

    assert session["id"] == SESSION
    assert session["user_identifier"] == ALICE
    assert datetime.fromisoformat(session["last_active_at"]).tzinfo == UTC
    assert (session["traces"], session["llm_calls"], session["errors"]) == ("3", "4", "1")
    assert (session["cost_usd"], session["unpriced_calls"]) == ("0.000135", "1")
    assert session["first_input"] == "Where is my order 123?"


def test_users_and_traces_in_a_pipe(ask: Run) -> None:
    """In a pipe users and traces have whole values too; the latest trace is first, and an unknown cost is empty."""
    (user,) = rows(ask("users"))
    traces = rows(ask("traces"))

    assert (user["user_identifier"], user["sessions"]) == (ALICE, "1")
    assert [trace["status"] for trace in traces] == ["ok", "error", "ok"]
    assert [trace["cost_usd"] for trace in traces] == ["0.000045", "", "0.00009"]
    assert traces[1]["error"] == "RateLimitError"


@pytest.mark.parametrize("noun", ["sessions", "users", "traces"])
def test_json_of_a_list_is_a_page(ask: Run, story: Path, noun: str) -> None:
    """`--json` prints an object with the items as dicts of the store, and the cursor of the next page."""
    store = open_store(story)
    page = getattr(store, noun)()
    store.close()

    assert json.loads(ask(noun, "--json").stdout) == {"items": [item.to_dict() for item in page], "next": None}


def test_pages_follow_each_other(ask: Run) -> None:
    """`--after` takes the cursor `next`, which in a pipe is printed to standard error."""
    first = json.loads(ask("traces", "--limit", "2", "--json").stdout)
    plain = ask("traces", "--limit", "2")

    second = json.loads(ask("traces", "--limit", "2", "--after", first["next"], "--json").stdout)

    assert [len(first["items"]), len(second["items"]), second["next"]] == [2, 1, None]
    assert plain.stderr == f"More with --after {first['next']}\n"
    assert first["next"] not in plain.stdout


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("--user alice@example.com", 1),
        (f"--user {ALICE}", 1),
        (f"--user {ALICE[:6]}...{ALICE[-4:]}", 1),
        ("--user bob@example.com", 0),
        ("--since 24h", 1),
        ("--since 1m", 0),
        ("--until 1m", 1),
        ("--until 2020-01-01", 0),
        ("--since 2020-01-01T00:00:00Z", 1),
        ("--status error", 1),
        ("--status cancelled", 0),
        ("--model gpt-4o-mini", 1),
        ("--model gpt-5", 0),
        ("--kind function", 1),
        ("--kind test", 0),
        ("--tag plan=pro", 1),
        ("--tag plan=free", 0),
        ("--feedback negative", 1),
        ("--feedback positive", 0),
        ("--min-cost 0.0001", 1),
        ("--min-cost 1", 0),
        ("--min-tokens 100", 1),
        ("--min-tokens 100000", 0),
        ("--min-duration 1", 1),
        ("--min-duration 100000", 0),
        ("--text waterproof", 1),
        ("--text submarine", 0),
    ],
)
def test_sessions_are_filtered(ask: Run, arguments: str, found: int) -> None:
    """Each option of `sessions` filters the list."""
    assert len(rows(ask("sessions", *arguments.split()))) == found


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("--status error", 1),
        (f"--session {SESSION}", 3),
        ("--session 0000", 3),
        ("--kind function", 3),
        ("--text order", 2),
    ],
)
def test_traces_are_filtered(ask: Run, arguments: str, found: int) -> None:
    """Each option of `traces` filters the list, also by session."""
    assert len(rows(ask("traces", *arguments.split()))) == found


def test_lists_are_sorted(ask: Run) -> None:
    """`--sort NAME` sorts ascending, and `--sort -NAME` descending."""
    lowest = [float(row["duration_ms"]) for row in rows(ask("traces", "--sort", "duration"))]
    highest = [float(row["duration_ms"]) for row in rows(ask("traces", "--sort", "-duration"))]

    assert lowest == sorted(lowest)
    assert highest == lowest[::-1]


def test_a_user_is_found_by_the_key_they_are_stored_under(
    run: Run, record: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `BASERUN_USER_KEY` a user is found by address or hash; without the key, not."""

    def tell(teller: Any) -> None:
        with baserun.with_session(user_identifier=ALICE):
            teller.call(("user", "hi"), answer="hello")

    path = str(record(tell, user_key="pepper"))
    without = rows(run("--store", path, "sessions", "--user", "alice@example.com"))
    monkeypatch.setenv("BASERUN_USER_KEY", "pepper")

    by_address = rows(run("--store", path, "sessions", "--user", "alice@example.com"))
    by_hash = rows(run("--store", path, "sessions", "--user", ALICE))

    assert without == []
    assert len(by_address) == len(by_hash) == 1
    assert by_address[0]["user_identifier"].startswith("u1_")


def test_unknown_is_never_zero(run: Run, record: Callable[..., Path]) -> None:
    """Unknown values are an empty cell in a pipe and null in JSON."""

    def tell(teller: Any) -> None:
        with baserun.with_session():
            teller.call(("user", "hi"), answer="hello", usage=None)

    path = str(record(tell))
    (plain,) = rows(run("--store", path, "sessions"))
    (item,) = json.loads(run("--store", path, "sessions", "--json").stdout)["items"]

    assert (plain["cost_usd"], plain["input_tokens"], plain["user_identifier"]) == ("", "", "")
    assert (item["cost_usd"], item["input_tokens"], item["user_identifier"]) == (None, None, None)


def test_search_finds_the_calls(ask: Run) -> None:
    """`search` finds calls with all words, or with a quoted phrase, and can be filtered by user."""
    assert len(rows(ask("search", "order", "123"))) == 3
    assert len(rows(ask("search", '"ten order"'))) == 0
    assert rows(ask("search", "waterproof", "ten"))[0]["session_id"] == SESSION
    assert len(json.loads(ask("search", "order", "--json", "--limit", "1").stdout)["items"]) == 1
    assert rows(ask("search", "order", "--user", "bob@example.com")) == []


def test_a_search_for_nothing_is_wrong_usage(ask: Run) -> None:
    """A search without words ends with exit code 2 and says what to write."""
    result = ask("search", " ")

    assert result.exit_code == 2
    assert "write words that were said" in result.stderr


def test_relative_times_count_from_now(run: Run, record: Callable[..., Path]) -> None:
    """`--since` and `--until` take a time relative to now: 3 days ago lies between 1w and 2d."""

    def tell(teller: Any) -> None:
        with baserun.with_session():
            teller.call(("user", "hi"), answer="hello")

    path = str(record(tell, start=datetime.now(UTC) - timedelta(days=3)))

    assert rows(run("--store", path, "traces", "--since", "2d")) == []
    assert len(rows(run("--store", path, "traces", "--since", "1w", "--until", "2d"))) == 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-05-31", "2026-05-31T00:00:00+00:00"),
        ("2026-05-31T14:00", "2026-05-31T14:00:00+00:00"),
        ("2026-05-31T14:00+02:00", "2026-05-31T12:00:00+00:00"),
    ],
)
def test_a_time_without_a_zone_is_utc(written: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time without a zone is UTC in every time zone, as in Python and on the pages."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        found = MOMENT.convert(written, None, None)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert found.isoformat() == meant
