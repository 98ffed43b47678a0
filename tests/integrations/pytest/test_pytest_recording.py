"""Recording a run of tests, and the summary at its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

ASYNC = ("pytest_asyncio.plugin", "anyio.pytest_plugin")
TESTS = """
import threading
import unittest

import anyio
import app
import openai
import pytest

import baserun


@pytest.fixture
def fixture_that_asks(baserun_offline):
    return app.ask("from a fixture")


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def kept_runner(anyio_backend):
    yield  # keeps the runner, and the context that it began with, for the tests after this one


def test_ask(baserun_offline, baserun_calls):
    assert len(baserun_calls) == 0
    app.ask("one")
    app.ask("two")
    assert [call.output[0]["content"] for call in baserun_calls] == ["You said: one", "You said: two"]


def test_fixture(fixture_that_asks, baserun_calls):
    assert baserun_calls[0].input[1]["content"] == "from a fixture"


@pytest.mark.parametrize("text", ["red", "blue"])
def test_each(baserun_offline, text):
    app.ask(text)


async def test_asyncio(baserun_offline, baserun_calls):
    await app.ask_async()
    assert len(baserun_calls) == 1


@pytest.mark.anyio
async def test_anyio(kept_runner, baserun_offline, baserun_calls):
    await app.ask_async()
    assert len(baserun_calls) == 1


@pytest.mark.anyio
async def test_anyio_again(kept_runner, baserun_offline, baserun_calls):
    await app.ask_async()
    assert len(baserun_calls) == 1


class TestOld(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def model(self, baserun_offline):
        self.offline = baserun_offline

    def test_unittest(self):
        assert self.offline.client.models.list()
        app.ask()


class TestOldAsync(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def model(self, baserun_offline):
        pass

    async def test_unittest_async(self):
        await app.ask_async()


def test_thread(baserun_offline, baserun_calls):
    thread = threading.Thread(target=app.ask)
    thread.start()
    thread.join()
    assert len(baserun_calls) == 1


def test_failing(baserun_offline):
    app.ask()
    assert 1 + 1 == 3


def test_failing_call(baserun_offline):
    baserun_offline.next(status=400)
    app.ask()


def test_skipped():
    pytest.skip("not today")


@pytest.mark.xfail(strict=True)
def test_expected():
    raise ValueError("known")


def test_checks(baserun_offline):
    baserun.check_includes("polite", app.ask(), "please")
    baserun.check_equals("sum", 4, 4)


def test_own_store(baserun_session):
    baserun.init(store="elsewhere.sqlite3", enabled=False)
    baserun.log("still here")


def test_own_session(baserun_offline, baserun_calls):
    with baserun.with_session(session_identifier="the-applications-own"):
        app.ask()
    assert len(baserun_calls) == 1
"""


@pytest.fixture(scope="module", name="recorded")
def _recorded(new_project: Callable[[], Any]) -> Any:
    """A project with all kinds of tests, after one run."""
    project = new_project()
    project.write("test_kinds.py", TESTS)
    project.done = project.run("--baserun", "--baserun-store=store.sqlite3", plugins=ASYNC)
    return project


def test_tests_end_as_they_would_without_it(recorded: Any) -> None:
    """Recording changes no test's outcome."""
    outcomes = {name: case.outcome for name, case in recorded.done.cases.items() if case.outcome != "passed"}

    assert outcomes == {
        "test_failing": "failure",
        "test_failing_call": "failure",
        "test_skipped": "skipped",
        "test_expected": "skipped",
    }


def test_the_run_is_one_session(recorded: Any) -> None:
    """All tests of one process are traces of the same session, which is ended."""
    (session,) = [row for row in recorded.store().sessions() if row.id.startswith("pytest-")]

    assert {trace.session_id for trace in recorded.tests().values()} == {session.id}
    assert session.ended_at is not None
    assert session.metadata == {"run": session.id}


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("test_ask", 2),
        ("test_fixture", 1),
        ("test_each[red]", 1),
        ("test_each[blue]", 1),
        ("test_asyncio", 1),
        ("test_anyio", 1),
        ("test_anyio_again", 1),
        ("TestOld::test_unittest", 1),
        ("TestOldAsync::test_unittest_async", 1),
        ("test_failing", 1),
        ("test_failing_call", 1),
        ("test_skipped", 0),
    ],
)
def test_calls_are_in_the_trace_of_their_test(recorded: Any, name: str, calls: int) -> None:
    """The calls of any kind of test are in its own trace, and nothing else is."""
    trace = recorded.tests()[name]

    assert [span.kind for span in trace.spans] == ["llm"] * calls


@pytest.mark.parametrize(
    ("name", "status", "outcome", "error"),
    [
        ("test_ask", "ok", "passed", None),
        ("test_failing", "error", "failed", "AssertionError"),
        ("test_failing_call", "error", "failed", "BadRequestError"),
        ("test_skipped", "ok", "skipped", None),
        ("test_expected", "ok", "xfailed", None),
        ("test_checks", "ok", "passed", None),
    ],
)
def test_outcome_is_recorded(recorded: Any, name: str, status: str, outcome: str, error: str | None) -> None:
    """A trace has its test's outcome, and the error if it failed."""
    trace = recorded.tests()[name]

    assert (trace.kind, trace.status, trace.tags) == ("test", status, {"outcome": outcome})
    assert (None if trace.error is None else trace.error.type) == error
    assert trace.name == f"test_kinds.py::{name}"
    assert trace.duration_ms > 0


def test_calls_elsewhere_are_told_of(recorded: Any) -> None:
    """Calls in threads and in sessions of the application count for the test that made them."""
    told = {
        name: recorded.done.cases[name].properties.get("baserun_calls") for name in ("test_thread", "test_own_session")
    }

    assert told == {"test_thread": "1", "test_own_session": "1"}


def test_the_applications_configuration_does_not_lead_elsewhere(recorded: Any) -> None:
    """A test whose application sets another store and switches Baserun off is recorded in the run's store."""
    trace = recorded.tests()["test_own_store"]

    assert [note.value for note in trace.annotations] == ["still here"]
    assert not (recorded.folder / "elsewhere.sqlite3").exists()


def test_junit_has_the_figures(recorded: Any) -> None:
    """Each test in the JUnit file has its session, trace, number of calls and tokens."""
    properties = recorded.done.cases["test_ask"].properties
    trace = recorded.tests()["test_ask"]

    assert properties["baserun_session"] == trace.session_id
    assert properties["baserun_trace"] == trace.id
    assert (properties["baserun_calls"], properties["baserun_input_tokens"]) == ("2", str(trace.input_tokens))


@pytest.mark.parametrize("plugin", ["", "xdist.plugin"])
def test_properties_of_the_test_itself(project: Any, plugin: str) -> None:
    """Properties that a test records itself stay in the JUnit file, also with names that begin like ours."""
    if plugin:
        pytest.importorskip(plugin)
    project.write(
        "test_own.py",
        """
        import pytest

        @pytest.mark.filterwarnings("ignore:record_property")
        def test_own(record_property):
            record_property("baserun_project", "support")
            record_property("baserun_calls", "many")
        """,
    )

    done = project.run(
        "--baserun-store=store.sqlite3", *(("-n1",) if plugin else ()), plugins=(plugin,) if plugin else ()
    )

    properties = done.cases["test_own"].properties
    assert (properties["baserun_project"], properties["baserun_calls"]) == ("support", "many")
    assert properties["baserun_trace"] == project.tests()["test_own"].id
    assert "0 calls in 0 of 1 test" in done.output


def test_summary_tells_of_the_run(recorded: Any) -> None:
    """The summary has the calls, tokens and cost, the slowest test, failed checks, the store and how to look at it."""
    (session_id,) = {trace.session_id for trace in recorded.tests().values()}

    output = recorded.done.output

    assert re.search(
        r"^15 calls in 14 of 17 tests; \d+ tokens in, \d+ out \(known of 14 calls\); \$0\.\d+", output, re.MULTILINE
    )  # one call fails
    assert re.search(r"^slowest: .* in \d calls?: test_kinds.py::", output, re.MULTILINE)
    assert "failed check: polite: expected 'please', actual 'You said: Hello' (test_kinds.py::test_checks)" in output
    assert "store: store.sqlite3\n" in output
    assert f"look:  baserun --store store.sqlite3 sessions show {session_id}\n" in output
    # of `test_thread` and of `test_own_session`
    assert "       2 calls outside of its session: baserun --store store.sqlite3 traces list\n" in output


def test_summary_says_when_tokens_are_unknown(project: Any) -> None:
    """If no call reported its tokens, as in streams without usage, the summary says that they are unknown."""
    project.write(
        "test_stream.py",
        """
        def test_stream(baserun_offline):
            for chunk in baserun_offline.client.chat.completions.create(
                model="gpt-4o-mini", stream=True, messages=[{"role": "user", "content": "Hello"}]
            ):
                pass
        """,
    )

    output = project.run("--baserun").output

    assert "\n1 call in 1 of 1 test; tokens unknown; cost unknown\n" in output


def test_summary_says_of_how_many_calls_the_tokens_are_known(project: Any) -> None:
    """If only some calls reported tokens, the summary says how many, and the JUnit file counts the others."""
    project.write(
        "test_some.py",
        """
        SAID = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}

        def test_some(baserun_offline):
            complete = baserun_offline.client.chat.completions.create
            complete(**SAID)
            complete(**SAID, stream=True).close()
            list(complete(**SAID, stream=True))
        """,
    )

    done = project.run("--baserun")

    assert re.search(
        r"^3 calls in 1 of 1 test; \d+ tokens in, \d+ out \(known of 1 call\); \$0\.\d+ and 2 calls of unknown cost$",
        done.output,
        re.MULTILINE,
    )
    assert done.cases["test_some"].properties["baserun_uncounted_calls"] == "2"


def test_summary_of_a_store_in_memory(project: Any) -> None:
    """A store that is gone with the run is named as such, without a command that would not find it."""
    project.write("test_any.py", "def test_any(): pass")

    output = project.run("--baserun-store=memory").output

    assert "\nstore: memory\n" in output
    assert "look:" not in output


def test_failed_checks_fail_strictly(project: Any) -> None:
    """With `--baserun-strict` a failed check fails its test, in the test itself and in the teardown of a fixture."""
    project.write(
        "test_checks.py",
        """
        import pytest
        import baserun

        @pytest.fixture
        def checked_at_the_end():
            yield
            baserun.check("late", False)

        def test_early(): baserun.check_equals("early", 1, 2)
        def test_late(checked_at_the_end): pass
        def test_fine(): baserun.check("fine", True)
        """,
    )

    done = project.run("--baserun-strict", "--baserun-store=store.sqlite3")

    assert {name: case.outcome for name, case in done.cases.items()} == {
        "test_early": "failure",
        "test_late": "error",
        "test_fine": "passed",
    }
    assert "early: expected 2, actual 1" in done.cases["test_early"].text
    assert {name: trace.status for name, trace in project.tests().items()} == {
        "test_early": "error",
        "test_late": "error",
        "test_fine": "ok",
    }


def test_names_of_checks_do_not_control_the_terminal(project: Any) -> None:
    """A name with escape sequences or line breaks is shown, and not obeyed."""
    project.write(
        "test_escapes.py",
        """
        import baserun

        def test_escapes(): baserun.check("red \\x1b[31m\\n\\u202e", False)
        """,
    )

    output = project.run("--baserun-strict", "--baserun-store=store.sqlite3").output

    assert r"failed check: red \x1b[31m\n\u202e (test_escapes.py::test_escapes)" in output
    assert r"A check did not hold: red \x1b[31m\n\u202e" in output
    assert "\x1b[31m\n" not in output


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("nonsense", "The store 'nonsense' is neither a known name nor a path."),
        ("postgresql://host/db", "is not in this version"),
        ("app.py/store.sqlite3", "app.py is no folder in which files can be made."),
    ],
)
def test_a_store_that_cannot_be_is_told_at_once(project: Any, store: str, said: str) -> None:
    """A store that cannot be used is a usage error, reported on one line before any test runs."""
    project.write("test_any.py", "def test_any(): pass")

    done = project.run(f"--baserun-store={store}")

    (line,) = [line for line in done.output.splitlines() if said in line]
    assert (done.code, line[:17]) == (pytest.ExitCode.USAGE_ERROR, "ERROR: The store ")
    assert "Traceback" not in done.output


def test_fixtures_record_without_a_recorded_run(project: Any) -> None:
    """Without `--baserun` each test that uses `baserun_calls` has its own store, of which nothing is left."""
    project.write(
        "test_calls.py",
        """
        import app
        import baserun

        def test_one(baserun_offline, baserun_calls, baserun_session):
            app.ask()
            assert len(baserun_calls) == 1
            assert baserun.current_session() is baserun_session

        def test_other(baserun_offline, baserun_calls):
            assert len(baserun_calls) == 0
            app.stream("in pieces")
            assert baserun_calls[0].output[0]["content"] == "You said: in pieces"
        """,
    )

    done = project.run()

    assert {name: case.outcome for name, case in done.cases.items()} == {"test_one": "passed", "test_other": "passed"}
    assert not (project.folder / ".baserun").exists()


def test_temporary_stores_do_not_pile_up(project: Any) -> None:
    """Without `--baserun` the store of a test is removed at its end, not at that of a run of many tests."""
    project.write(
        "test_many.py",
        """
        import tempfile
        from pathlib import Path

        import app
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_ask(baserun_offline, baserun_calls, number):
            app.ask()
            assert len(baserun_calls) == 1
            assert len(list(Path(tempfile.gettempdir()).glob("baserun-memory-*"))) == 1
        """,
    )
    (project.folder / "temporary").mkdir()

    done = project.run(TMPDIR=str(project.folder / "temporary"))

    assert done.code == 0, done.output


def test_what_tests_say_stays_out_of_the_usual_store(project: Any) -> None:
    """Without `--baserun` a test with the offline model writes nothing to the application's own store."""
    project.write(
        "test_offline.py",
        """
        import app
        import baserun

        def test_offline(baserun_offline):
            baserun.init(store="usual.sqlite3")
            with baserun.with_session():
                assert app.ask("one") == "You said: one"
        """,
    )

    done = project.run()

    assert done.code == 0, done.output
    assert not (project.folder / "usual.sqlite3").exists()


def test_users_of_one_test_are_not_those_of_the_next(project: Any) -> None:
    """A user in a test is in a session of their own, linked to the run's: the run has no user, in whatever order."""
    project.write(
        "test_users.py",
        """
        import app
        import baserun
        import pytest

        @pytest.mark.parametrize("user", ["ada", "bob"])
        def test_block(baserun_offline, baserun_calls, baserun_session, user):
            with baserun.with_session(user) as session:
                app.ask(user)
            assert (session.user_identifier, session.previous_id) == (user, baserun_session.id)
            assert len(baserun_calls) == 1

        @pytest.mark.parametrize("user", ["eve", "kim"])
        def test_identify(baserun_offline, baserun_calls, user):
            assert baserun.current_session().user_identifier is None
            baserun.identify(user)
            app.ask(user)
            assert baserun.current_session().user_identifier == user
            assert len(baserun_calls) == 1

        def test_of_the_provider(baserun_offline, baserun_session):
            app.ask("Hello", user="tom")
            assert baserun_session.user_identifier is None

        def test_nobody(baserun_offline, baserun_session):
            app.ask("nobody")
            assert baserun.current_session() is baserun_session
        """,
    )

    alone, recorded = project.run(), project.run("--baserun-store=store.sqlite3")

    assert (alone.code, recorded.code) == (0, 0), alone.output + recorded.output
    store = project.store()
    (run,) = [row for row in store.sessions() if row.id.startswith("pytest-")]
    others = {row.user_identifier: (row.llm_calls, row.previous_id) for row in store.sessions() if row.id != run.id}
    assert (run.user_identifier, run.llm_calls) == (None, 2)
    assert others == dict.fromkeys(("ada", "bob", "eve", "kim"), (1, run.id))


def test_a_block_of_capture_is_apart(project: Any) -> None:
    """A block of `capture` begins without the session and trace of its test, which is recorded nevertheless."""
    project.write(
        "test_capture.py",
        """
        import app
        import baserun
        import pytest
        from baserun.testing import CountingIds, FakeClock, capture

        @pytest.fixture(scope="module")
        def kept():
            with capture() as captured:
                yield captured

        def test_whole_records(baserun_offline):
            with capture(clock=FakeClock(), ids=CountingIds()) as captured:
                with baserun.with_session("ada"):
                    app.ask()
                baserun.check("expected to fail", False)
            (session,) = captured.sessions
            (trace,) = captured.traces
            assert (session.user_identifier, session.previous_id) == ("ada", None)
            assert (trace.id[-1], trace.kind, trace.session_id) == ("1", "llm", session.id)

        def test_calls_around(baserun_offline, baserun_calls):
            app.ask("before")
            with capture():
                assert len(baserun_calls) == 1
                app.ask("inside")
            app.ask("after")
            assert [call.input[1]["content"] for call in baserun_calls] == ["before", "after"]

        @pytest.mark.parametrize("number", [1, 2])
        def test_kept(kept, baserun_offline, number):
            app.ask()
            assert len(kept.calls) == number

        def test_last(baserun_offline):
            app.ask("last")
        """,
    )

    alone, recorded = project.run(), project.run("--baserun-strict", "--baserun-store=store.sqlite3")

    assert (alone.code, recorded.code) == (0, 0), alone.output + recorded.output
    assert {name: [span.kind for span in trace.spans] for name, trace in project.tests().items()} == {
        "test_whole_records": [],
        "test_calls_around": ["llm", "llm"],
        "test_kept[1]": [],
        "test_kept[2]": [],
        "test_last": [],
    }


def test_calls_are_in_order_when_time_stands_still(project: Any) -> None:
    """`baserun_calls` has the calls in the order in which they began, whatever a test does to the clock."""
    project.write(
        "test_time.py",
        """
        import time
        import app

        def test_frozen(baserun_offline, baserun_calls, monkeypatch):
            monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
            for number in range(6):
                app.ask(str(number))
            monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
            app.ask("6")
            assert [call.input[1]["content"] for call in baserun_calls] == list("0123456")
        """,
    )

    done = project.run()

    assert done.code == 0, done.output


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_an_interrupted_test_is_cancelled(project: Any, how: str) -> None:
    """A test in which the run was interrupted is neither passed nor failed."""
    project.write(
        "test_long.py",
        f"""
        import app
        import pytest

        def test_long(baserun_offline):
            app.ask()
            {how}
        """,
    )

    done = project.run("--baserun-store=store.sqlite3")

    trace = project.tests()["test_long"]
    assert (done.code, trace.status, trace.tags) == (
        pytest.ExitCode.INTERRUPTED,
        "cancelled",
        {"outcome": "interrupted"},
    )
    assert [span.kind for span in trace.spans] == ["llm"]


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures", "-knothing"])
def test_without_a_test_there_is_no_summary(project: Any, option: str) -> None:
    """If no test was run, there is neither a summary nor a store."""
    project.write("test_any.py", "def test_any(): pass")

    done = project.run("--baserun", option)

    assert "= baserun =" not in done.output
    assert not (project.folder / ".baserun").exists()


def test_attempts_are_traces_of_their_own(project: Any) -> None:
    """With pytest-rerunfailures every attempt is a trace, and the JUnit file has the last one's figures."""
    pytest.importorskip("pytest_rerunfailures")
    project.write(
        "test_flaky.py",
        """
        import app

        tried = []

        def test_flaky(baserun_offline):
            tried.append(app.ask())
            assert len(tried) == 2
        """,
    )

    done = project.run("--baserun-store=store.sqlite3", "--reruns=2", plugins=("pytest_rerunfailures",))

    store = project.store()
    traces = [store.trace(row.id) for row in store.traces()]
    assert sorted((trace.tags["outcome"], len(trace.spans)) for trace in traces if trace) == [
        ("failed", 1),
        ("passed", 1),
    ]
    assert done.cases["test_flaky"].properties["baserun_calls"] == "1"
    assert "2 calls in 1 of 1 test;" in done.output


def test_workers_have_sessions_of_their_own_and_lose_nothing(project: Any) -> None:
    """With pytest-xdist each worker has a session, and the tests finished before a worker crashed are stored."""
    pytest.importorskip("xdist")
    project.write(
        "test_many.py",
        """
        import os
        import app
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_ask(baserun_offline, number):
            assert app.ask(str(number)) == f"You said: {number}"

        def test_crash(baserun_offline):
            app.ask()
            os._exit(1)
        """,
    )

    done = project.run("--baserun-store=store.sqlite3", "-n2", plugins=("xdist.plugin", "xdist.looponfail"))

    traces = [trace for name, trace in project.tests().items() if name != "test_crash"]
    assert [len(trace.spans) for trace in traces] == [1] * 8
    assert len({trace.session_id for trace in traces}) >= 2
    assert "8 calls in 8 of 8 tests" in done.output
    assert all(f"sessions show {trace.session_id}" in done.output for trace in traces)


def test_django_database_and_live_server(project: Any) -> None:
    """With pytest-django, tests with a database or a live server are recorded like any other."""
    pytest.importorskip("pytest_django")
    project.write(
        "settings.py",
        """
        SECRET_KEY = "for tests only"
        ALLOWED_HOSTS = ["*"]
        ROOT_URLCONF = "urls"
        STATIC_URL = "/static/"
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
        MIDDLEWARE = ["baserun_django.BaserunMiddleware"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        """,
    )
    project.write(
        "urls.py",
        """
        import app
        from django.http import HttpResponse
        from django.urls import path

        urlpatterns = [path("ask", lambda request: HttpResponse(app.ask("from a view")))]
        """,
    )
    project.write(
        "test_web.py",
        """
        import urllib.request
        import pytest

        @pytest.mark.django_db
        def test_view(client, baserun_offline, baserun_calls):
            from django.contrib.auth.models import User

            User.objects.create_user("ada")
            assert client.get("/ask").content == b"You said: from a view"
            assert len(baserun_calls) == 1

        def test_live(live_server, baserun_offline, baserun_calls):
            with urllib.request.urlopen(live_server.url + "/ask") as answer:
                assert answer.read() == b"You said: from a view"
            assert len(baserun_calls) == 1
        """,
    )

    done = project.run("--baserun-store=store.sqlite3", "--ds=settings", plugins=("pytest_django.plugin",))

    assert (done.code, {case.properties.get("baserun_calls") for case in done.cases.values()}) == (0, {"1"}), (
        done.output
    )
    requests = [row for row in project.store().traces() if row.kind == "request"]
    assert len({row.session_id for row in requests}) == 2
