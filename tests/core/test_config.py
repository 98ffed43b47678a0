"""Options: where their values come from, and that a wrong environment never stops the application."""

from __future__ import annotations

import inspect
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import baserun
from baserun import signals
from baserun._config import OPTIONS, Config, resolve
from baserun._current import runtime
from baserun.exceptions import ConfigurationError

DEFAULTS = {name: getattr(Config(), name) for name in OPTIONS if name != "store"}


def chosen(environ: dict[str, str], **given: Any) -> dict[str, Any]:
    """Return the options that differ from their defaults."""
    config, _ = resolve(given, environ)
    return {name: getattr(config, name) for name in DEFAULTS if getattr(config, name) != DEFAULTS[name]}


def test_defaults() -> None:
    """Without arguments and environment every option has its default."""
    assert chosen({}) == {}


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("BASERUN_API_KEY", "key", {"api_key": "key"}),
        ("BASERUN_ENVIRONMENT", "staging", {"environment": "staging"}),
        ("BASERUN_ENABLED", "0", {"enabled": False}),
        ("BASERUN_ENABLED", "False", {"enabled": False}),
        ("BASERUN_ENABLED", " off ", {"enabled": False}),
        ("BASERUN_ENABLED", "1", {}),
        ("BASERUN_CAPTURE_CONTENT", "no", {"capture_content": False}),
        ("BASERUN_FILL_END_USER", "yes", {"fill_end_user": True}),
        ("BASERUN_REDACT", "none", {"redact": None}),
        ("BASERUN_REDACT", "default", {}),
        ("BASERUN_USER_KEY", "pepper", {"user_key": "pepper"}),
        ("BASERUN_INSTRUMENT", "none", {"instrument": "none"}),
        ("BASERUN_INSTRUMENT", "openai", {"instrument": ("openai",)}),
        ("BASERUN_INSTRUMENT", " openai , ", {"instrument": ("openai",)}),
        ("BASERUN_RETENTION_DAYS", "30", {"retention_days": 30}),
        ("BASERUN_RETENTION_DAYS", "none", {}),
        ("BASERUN_FLUSH_INTERVAL", "0.5", {"flush_interval": 0.5}),
        ("BASERUN_QUEUE_BYTES", "1e6", {"queue_bytes": 1_000_000}),
        ("BASERUN_EXIT_TIMEOUT", "5", {"exit_timeout": 5}),
        ("BASERUN_SECRET", "s", {"secret": "s"}),
    ],
)
def test_environment(variable: str, text: str, expected: dict[str, Any]) -> None:
    """Each option is also read from the environment."""
    config, sources = resolve({}, {variable: text})

    assert {name: getattr(config, name) for name in DEFAULTS if getattr(config, name) != DEFAULTS[name]} == expected
    assert sources.problems == ()
    assert sources.of[variable.removeprefix("BASERUN_").lower()] == "environment"


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("nothing", ["", "  "])
def test_empty_variable_is_not_set(name: str, nothing: str) -> None:
    """An empty variable, as container files set them, counts as not set."""
    _, sources = resolve({}, {f"BASERUN_{name.upper()}": nothing})

    assert chosen({f"BASERUN_{name.upper()}": nothing}) == {}
    assert (sources.of[name], sources.problems) == ("default", ())


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("BASERUN_ENABLED", "maybe", "BASERUN_ENABLED is ignored: enabled is 'maybe'; write 1 or 0"),
        (
            "BASERUN_RETENTION_DAYS",
            "soon",
            "BASERUN_RETENTION_DAYS is ignored: retention_days is 'soon'; write a number",
        ),
        ("BASERUN_QUEUE_BYTES", "nan", "BASERUN_QUEUE_BYTES is ignored: queue_bytes must be a number above 0, not nan"),
        ("BASERUN_QUEUE_BYTES", "1.5", "BASERUN_QUEUE_BYTES is ignored: queue_bytes must be a whole number of bytes"),
        ("BASERUN_FLUSH_INTERVAL", "-1", "BASERUN_FLUSH_INTERVAL is ignored: flush_interval must be a number above 0"),
        ("BASERUN_STORE", "mongodb://h/d", "BASERUN_STORE is ignored: The store 'mongodb://h/d' has an unknown scheme"),
        ("BASERUN_SERVER_URL", "https://e.com", "BASERUN_SERVER_URL is ignored: server_url is set, but this version"),
        ("BASERUN_INSTRUMENT", "opnai", "BASERUN_INSTRUMENT is ignored: instrument must be 'auto', 'none', or some of"),
        ("BASERUN_REDACT", "my.module:f", "BASERUN_REDACT is ignored: redact must be 'default', None, or a function"),
        ("BASERUN_ENABLD", "0", "there is no option BASERUN_ENABLD; did you mean BASERUN_ENABLED; it is ignored"),
        ("BASERUN_ZZZ", "0", "there is no option BASERUN_ZZZ; it is ignored"),
    ],
)
def test_malformed_variable_is_reported_and_ignored(variable: str, text: str, problem: str) -> None:
    """A wrong variable is reported, and the default is used; it must not take the application down."""
    _, sources = resolve({}, {variable: text})

    assert chosen({variable: text}) == {}
    assert [each[: len(problem)] for each in sources.problems] == [problem]


TEXTS = st.text("01aenot.-+/:, \t\0\nü\udcff", max_size=20)


@given(st.dictionaries(st.sampled_from([f"BASERUN_{name.upper()}" for name in OPTIONS]), TEXTS, max_size=4))
def test_no_environment_breaks_anything(environ: dict[str, str]) -> None:
    """Any values of the variables give a configuration."""
    config, _ = resolve({}, environ)

    assert isinstance(config, Config)


def test_longest_waits() -> None:
    """Intervals that no thread can wait for count as a day: recording goes on, and ends."""
    baserun.init("memory:waits", flush_interval=1e30, exit_timeout=10**400, retention_days=1e305)
    with baserun.with_session("u"):
        pass

    assert baserun.flush()
    assert baserun.stats().dropped == {}
    assert (runtime().config.flush_interval, runtime().config.exit_timeout) == (86_400, 86_400)
    baserun.init("memory:waits", flush_interval=1.0)


def test_argument_wins() -> None:
    """An argument overrides the environment, and a wrong variable that is overridden is not reported."""
    config, sources = resolve(
        {"environment": "a", "enabled": True}, {"BASERUN_ENVIRONMENT": "b", "BASERUN_ENABLED": "?"}
    )

    assert (config.environment, config.enabled, sources.problems) == ("a", True, ())
    assert (sources.of["environment"], sources.of["store"]) == ("init", "default")


def test_other_variables_are_left_alone() -> None:
    """Variables that do not begin with ``BASERUN_`` are ignored."""
    _, sources = resolve({}, {"ENVIRONMENT": "x", "XBASERUN_ENABLED": "0", "baserun_enabled": "0"})

    assert sources.problems == ()


def test_problems_are_logged_at_first_use(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Baserun logs what is wrong in the environment when it starts, and starts all the same."""
    monkeypatch.setenv("BASERUN_RETENTION_DAYS", "soon")

    with caplog.at_level(logging.WARNING, logger="baserun"), baserun.with_session() as session:
        pass

    assert session.id
    assert [record.getMessage() for record in caplog.records] == [
        "BASERUN_RETENTION_DAYS is ignored: retention_days is 'soon'; write a number"
    ]


def test_relative_store_is_fixed_at_init(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative path is resolved against the current folder at `init`."""
    baserun.init("data/my.sqlite3")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with baserun.with_session():
        pass

    assert baserun.flush()
    assert (tmp_path / "data" / "my.sqlite3").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_store_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`BASERUN_STORE` names the store as the argument does."""
    monkeypatch.setenv("BASERUN_STORE", "mine.sqlite3")
    with baserun.with_session() as session:
        pass
    baserun.flush()

    assert [stored.id for stored in baserun.open_store(tmp_path / "mine.sqlite3").sessions()] == [session.id]


def test_every_option_is_an_argument_of_init() -> None:
    """`init` has every option as an argument, and documents it."""
    code = baserun.init.__code__
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    documented = inspect.getdoc(baserun.init) or ""

    assert arguments == OPTIONS
    assert [name for name in OPTIONS if f"    {name}: " not in documented] == []


def test_init_sets_its_options() -> None:
    """The options of `init` hold until a second `init`, which starts from the defaults."""
    baserun.init("memory:a", environment="a", capture_content=False)
    first = runtime().config
    baserun.init("memory:b")
    second = runtime().config

    assert (first.environment, first.capture_content) == ("a", False)
    assert (second.environment, second.capture_content) == (None, True)


def test_second_init_writes_what_the_first_recorded() -> None:
    """What was recorded before a second `init` with another store is written to the first one."""
    baserun.init("memory:first")
    with baserun.with_session() as session:
        baserun.init("memory:second")
    baserun.flush()

    assert [stored.id for stored in baserun.open_store("memory:first").sessions()] == [session.id]


@pytest.mark.parametrize("before", [{"store": "one.sqlite3"}, {"store": "two.sqlite3", "enabled": False}])
def test_session_that_continues_after_init_is_whole_in_the_new_store(before: dict[str, Any]) -> None:
    """When `init` changes the store in mid-session, the new store gets the session's user, metadata and previous id."""
    heard: list[str] = []
    with (
        signals.session_resumed.connected_to(lambda session, **_: heard.append(session.id)),
        signals.session_started.connected_to(lambda session, **_: heard.append(session.id)),
    ):
        baserun.init(**before)
        with baserun.with_session("ada", "outer"), baserun.with_session("grace", metadata={"plan": "pro"}) as session:
            baserun.init("two.sqlite3")
            with baserun.start_trace("after"):
                pass
            baserun.log("said")
    baserun.flush()

    (stored,) = baserun.open_store("two.sqlite3").sessions(user="grace")
    assert (stored.id, stored.previous_id, stored.metadata) == (session.id, "outer", {"plan": "pro"})
    assert heard.count(session.id) == (0 if "enabled" in before else 1)


def test_wrong_option_is_wrong_even_when_disabled() -> None:
    """A wrong option raises even with `enabled=False`."""
    with pytest.raises(ConfigurationError):
        baserun.init(enabled=False, user_key="")


def test_variable_of_the_pages_is_no_mistake() -> None:
    """`BASERUN_UI_KEY`, which `baserun ui` reads, is not reported as an unknown option."""
    _, sources = resolve({}, {"BASERUN_UI_KEY": "a key of the pages"})

    assert sources.problems == ()


def test_message_about_a_huge_value() -> None:
    """An error quotes the ends of a huge value, and says what is wrong and what to write."""
    with pytest.raises(ConfigurationError) as caught:
        baserun.init(redact="x" * 1_000_000)

    message = str(caught.value)
    assert message.startswith("redact must be 'default', None, or a function of (text, path), not 'xxx")
    assert len(message) < 2_000
    assert str(pickle.loads(pickle.dumps(caught.value))) == message
