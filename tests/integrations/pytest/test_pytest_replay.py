"""Making recordings, and answering tests from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from baserun.testing import Fault, OfflineModel

KEY = "sk-proj-Zt4nq9Lw2Xk7Vb8Rc3Md6Pf1"
UNREACHABLE = {"OPENAI_BASE_URL": "http://models.invalid/v1"}
ASYNC = ("pytest_asyncio.plugin",)
TOOLS = '[{"type": "function", "function": {"name": "get_weather", "parameters": {"properties": {"city": {}}}}}]'
TESTS = f"""
import app
import openai
import pytest

TOOLS = {TOOLS}
replay = pytest.mark.baserun_replay


@replay("recordings/plain.json")
def test_plain():
    assert app.ask("plain") == "You said: plain"


@replay("recordings/async.json")
async def test_async():
    assert await app.ask_async("async") == "You said: async"


@replay("recordings/stream.json")
def test_stream():
    assert app.stream("in many pieces") == "You said: in many pieces"


@replay("recordings/tools.json")
def test_tools():
    with openai.OpenAI() as client:
        said = app.messages("What is the weather in Paris?")
        with client.chat.completions.stream(model="gpt-4o-mini", messages=said, tools=TOOLS) as stream:
            (call,) = stream.get_final_completion().choices[0].message.tool_calls
        assert (call.function.name, call.function.arguments) == ("get_weather", '{{"city": "Paris"}}')
        called = {{"role": "assistant", "tool_calls": [call.to_dict()]}}
        result = {{"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}}
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=[*said, called, result], tools=TOOLS)
    assert answer.choices[0].message.content == "get_weather says: 18 degrees"


@replay("recordings/responses.json")
async def test_responses():
    async with openai.AsyncOpenAI() as client:
        whole = await client.responses.create(model="gpt-4o-mini", instructions=app.SYSTEM, input="whole")
        events = [
            event async for event in await client.responses.create(model="gpt-4o-mini", input="pieces", stream=True)
        ]
    assert whole.output_text == "You said: whole"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "You said: pieces"
    assert events[-1].response.output_text == "You said: pieces"


@replay("recordings/errors.json")
def test_error():
    with openai.OpenAI() as client, pytest.raises(openai.RateLimitError, match="slow down") as caught:
        client.chat.completions.create(model="gpt-4o-mini#status=429,times=always,message=slow down", messages=[])
    assert caught.value.status_code == 429


@replay("recordings/embeddings.json")
def test_embeddings():
    with openai.OpenAI() as client:
        assert len(client.embeddings.create(model="text-embedding-3-small", input="text").data[0].embedding) == 1536


@replay("recordings/secret.json")
def test_secret():
    assert app.ask("my key is {KEY}")
"""


@pytest.fixture(scope="module", name="model")
def _model() -> Iterator[OfflineModel]:
    """The provider."""
    with OfflineModel() as model:
        yield model


@pytest.fixture(scope="module", name="recorded")
def _recorded(new_project: Callable[[], Any], model: OfflineModel) -> Any:
    """A project after the run that recorded the provider's answers."""
    project = new_project()
    project.write("test_replay.py", TESTS)
    environment = {**model.environment(), "OPENAI_API_KEY": KEY}
    project.done = project.run("--baserun-record=once", plugins=ASYNC, **environment)
    return project


@pytest.fixture(scope="module", name="replayed")
def _replayed(recorded: Any) -> Any:
    """The second run, without a reachable provider or a key."""
    return recorded.run(plugins=ASYNC, **UNREACHABLE)


def passed(run: Any) -> dict[str, bool]:
    return {name: case.outcome == "passed" for name, case in run.cases.items()}


KINDS = ["plain", "async", "stream", "tools", "responses", "error", "embeddings", "secret"]


def test_a_first_run_records(recorded: Any) -> None:
    """With `--baserun-record=once` the first run passes with the provider's answers."""
    assert passed(recorded.done) == {f"test_{kind}": True for kind in KINDS}, recorded.done.output


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_runs_replay(replayed: Any, kind: str) -> None:
    """Without provider and key the client gets the recorded answers, for every kind of call."""
    assert replayed.cases[f"test_{kind}"].outcome == "passed", replayed.cases[f"test_{kind}"].text


def test_recordings_read_well(recorded: Any) -> None:
    """A recording has the path, the request and the merged answer of a stream; no host and no headers."""
    (call,) = json.loads((recorded.folder / "recordings" / "stream.json").read_text())["calls"]

    assert call["request"] == {
        "method": "POST",
        "path": "/chat/completions",
        "body": {
            "model": "gpt-4o-mini",
            "messages": [
                {"role": "system", "content": "You are kind."},
                {"role": "user", "content": "in many pieces"},
            ],
            "stream": True,
        },
    }
    assert call["answer"]["stream"] is True
    assert call["answer"]["body"]["choices"][0]["message"]["content"] == "You said: in many pieces"


def test_recordings_hold_no_secret(recorded: Any) -> None:
    """No recording contains the client's key, or a key in a message."""
    texts = [path.read_text() for path in (recorded.folder / "recordings").iterdir()]

    assert [text for text in texts if KEY in text] == []
    assert "my key is [masked: api key]" in (recorded.folder / "recordings" / "secret.json").read_text()


CHANGES = """
import unittest
import urllib.request

import app
import openai
import pytest

SAID = {"model": "gpt-4o-mini", "messages": app.messages("plain")}
replay = pytest.mark.baserun_replay("recordings/plain.json")


def ask(**more):
    with openai.OpenAI() as client:
        return client.chat.completions.create(**{**SAID, **more}).choices[0].message.content


@replay
def test_other_prompt():
    ask(messages=[{"role": "system", "content": "You are rude."}, SAID["messages"][1]])


@replay
def test_swallowed():
    try:
        ask(temperature=2)
    except Exception:
        return "sorry"


@replay
def test_twice():
    assert ask() == ask()


@replay
def test_not_asked():
    pass


@pytest.mark.baserun_replay("recordings/plain.json", partial=True)
def test_partial():
    pass


@pytest.mark.baserun_replay("recordings/plain.json", ignore=["temperature", "messages.0.content"])
def test_ignored():
    ask(temperature=2, messages=[{"role": "system", "content": "It is 12:01."}, SAID["messages"][1]])


@replay
def test_other_user():
    ask(user="somebody else", extra_body={"safety_identifier": "somebody"})


@pytest.mark.baserun_replay("recordings/none.json")
def test_no_recording():
    pass


@pytest.mark.skip(reason="Not yet.")
@pytest.mark.baserun_replay("recordings/none.json")
def test_skipped():
    pass


@unittest.skip("Not yet.")
@pytest.mark.baserun_replay("recordings/none.json")
def test_skipped_by_unittest():
    pass


class TestSomeSkipped(unittest.TestCase):
    @unittest.skipIf(True, "Not yet.")
    @pytest.mark.baserun_replay("recordings/none.json")
    def test_skipped_method(self):
        pass


@unittest.skip("Not yet.")
class TestAllSkipped(unittest.TestCase):
    @pytest.mark.baserun_replay("recordings/none.json")
    def test_skipped_case(self):
        pass


@unittest.skip("It runs: pytest does not look at this on a class that is no TestCase.")
class TestNotSkipped:
    @pytest.mark.baserun_replay("recordings/none.json")
    def test_no_case(self):
        pass


@pytest.mark.xfail(reason="Later.")
@pytest.mark.baserun_replay("recordings/none.json")
def test_expected():
    pass


def test_asked_late(request):
    request.getfixturevalue("baserun_calls")


@replay
def test_network():
    ask()
    with pytest.raises(OSError, match="the network is closed"):
        urllib.request.urlopen("http://192.0.2.1/", timeout=1)


class TestOld(unittest.TestCase):
    @replay
    def test_old(self):
        ask(temperature=2)
"""


@pytest.fixture(scope="module", name="changed")
def _changed(recorded: Any) -> Any:
    """A run of tests whose application differs from the recording, in one way each."""
    recorded.write("test_changed.py", CHANGES)
    return recorded.run("test_changed.py", **UNREACHABLE)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "test_other_prompt",
            '  messages[0].content\n    recorded: "You are kind."\n    asked:    "You are rude."',
        ),
        ("test_swallowed", "  temperature\n    recorded: (not there)\n    asked:    2"),
        ("test_twice", "was asked again; the recording has it once, as call 1"),
        ("test_not_asked", "Not all calls of the recording"),
        ("test_no_recording", "pytest --baserun-record=once"),
        ("test_no_case", "pytest --baserun-record=once"),
        ("test_asked_late", "write the fixture's name into the arguments"),
        ("test_old", "  temperature\n    recorded: (not there)\n    asked:    2"),
    ],
)
def test_what_does_not_fit_is_told(changed: Any, name: str, said: str) -> None:
    """A test fails if its calls and its recording differ, and the message says how."""
    case = changed.cases[name]

    assert case.outcome in ("failure", "error")
    assert said in case.text + changed.output.partition(f"{name} _")[2]


def test_a_missing_recording_is_the_only_error(changed: Any) -> None:
    """A missing recording is one error at setup, without another at teardown."""
    assert "ERROR at setup of test_no_recording" in changed.output
    assert "ERROR at teardown of test_no_recording" not in changed.output


def test_a_missing_recording_is_told_in_words(changed: Any) -> None:
    """The error of a missing recording is the message, once, without a traceback of our code."""
    lines = changed.output.partition("ERROR at setup of test_no_recording")[2].splitlines()

    assert lines[1].startswith("There is no recording ")
    assert lines[2].startswith("____")


@pytest.mark.parametrize(
    "name",
    ["test_skipped", "test_skipped_by_unittest", "test_skipped_method", "test_skipped_case", "test_expected"],
)
def test_a_skipped_test_needs_no_recording(changed: Any, name: str) -> None:
    """A test that is skipped or expected to fail needs no recording yet."""
    assert changed.cases[name].outcome == "skipped", changed.cases[name].text


@pytest.mark.parametrize("name", ["test_partial", "test_ignored", "test_other_user", "test_network"])
def test_what_need_not_be_the_same(changed: Any, name: str) -> None:
    """Ignored members, another end user, calls left out of a partial replay and a refused connection fail no test."""
    assert changed.cases[name].outcome == "passed", changed.cases[name].text


def test_new_calls_join_a_recording(project: Any, model: OfflineModel) -> None:
    """`new` calls the provider only for calls not yet recorded; `all` for every call, and replaces the recording."""
    test = "import app, pytest\n\n@pytest.mark.baserun_replay('one.json')\ndef test_one():\n"
    project.write("test_one.py", f"{test}    app.ask('first')\n")
    project.run("--baserun-record=once", **model.environment())
    model.clear()

    project.write("test_one.py", f"{test}    app.ask('first')\n    app.ask('second')\n")
    project.run("--baserun-record=new", **model.environment())
    asked_for_new, after_new = asked(model), calls_in(project)
    model.clear()
    project.write("test_one.py", f"{test}    app.ask('second')\n")
    project.run("--baserun-record=all", **model.environment())

    assert (asked_for_new, after_new) == (["second"], ["first", "second"])
    assert (asked(model), calls_in(project)) == (["second"], ["second"])


def test_a_recording_without_a_name_is_named_after_its_test(project: Any, model: OfflineModel) -> None:
    """Without a name, each parameter of a test has its own recording, named after test and parameter."""
    project.write(
        "test_many.py",
        """
        import app
        import pytest

        @pytest.mark.baserun_replay
        @pytest.mark.parametrize("text", ["red", "1 + 1", "1 * 1", "long " * 19 + "a", "long " * 19 + "b"])
        def test_each(text):
            assert app.ask(text) == f"You said: {text}"

        class TestAll:
            @pytest.mark.baserun_replay(ignore="model")
            def test_one(self):
                app.ask("one")
        """,
    )
    first = project.run("--baserun-record=once", **model.environment())

    second = project.run(**UNREACHABLE)

    made = {str(path.relative_to(project.folder)) for path in project.folder.rglob("recordings/**/*.json")}
    long = f"test_each[{'long_' * 18}"
    assert made == {
        f"recordings/test_many/{name}.json"
        for name in (
            "test_each[red]",
            "test_each[1_1]-4442c161",
            "test_each[1_1]-99f17a15",
            f"{long}-f17f6fba",
            f"{long}-f25892c2",
            "TestAll.test_one",
        )
    }
    assert (first.code, second.code) == (0, 0), first.output + second.output


def test_names_of_many_bytes(project: Any, model: OfflineModel) -> None:
    """A recording is not named by more bytes than a file's name can have."""
    project.write(
        "test_japanese.py",
        """
        import app
        import pytest

        @pytest.mark.baserun_replay
        @pytest.mark.parametrize("text", ["水" * 90, "水" * 91])
        def test_each(text):
            assert app.ask(text) == f"You said: {text}"
        """,
    )
    unescaped = "-odisable_test_id_escaping_and_forfeit_all_rights_to_community_support=true"

    first = project.run("--baserun-record=once", unescaped, **model.environment())
    second = project.run(unescaped, **UNREACHABLE)

    assert (first.code, second.code) == (0, 0), first.output + second.output
    assert len(list(project.folder.rglob("recordings/test_japanese/*.json"))) == 2


def test_a_recording_that_cannot_be_written(project: Any, model: OfflineModel) -> None:
    """If a recording cannot be written, the error says so, without a traceback of our code."""
    project.write("recordings", "a file, not a folder")
    project.write(
        "test_one.py",
        """
        import app
        import pytest

        @pytest.mark.baserun_replay
        def test_one(): app.ask()
        """,
    )

    done = project.run("--baserun-record=once", **model.environment())

    assert "\nThe recording recordings/test_one/test_one.json cannot be written: " in done.output
    assert "Traceback" not in done.output
    assert "_replay.py" not in done.output


@pytest.mark.parametrize("mode", ["once", "all"])
def test_tests_that_share_a_recording_are_all_in_it(project: Any, model: OfflineModel, mode: str) -> None:
    """Tests that share a recording all add their calls to it."""
    project.write(
        "test_shared.py",
        """
        import app
        import pytest

        pytestmark = pytest.mark.baserun_replay("one.json", partial=True)

        def test_first(): app.ask("first")
        def test_second(): app.ask("second")
        """,
    )

    done = project.run(f"--baserun-record={mode}", **model.environment())

    assert (done.code, calls_in(project)) == (0, ["first", "second"]), done.output


def test_workers_do_not_record_what_tests_share(project: Any, model: OfflineModel) -> None:
    """Workers of pytest-xdist replay everything, and record only what is not shared by tests."""
    pytest.importorskip("xdist")
    project.write(
        "test_shared.py",
        """
        import app
        import pytest

        @pytest.mark.baserun_replay("one.json", partial=True)
        @pytest.mark.parametrize("text", ["first", "second"])
        def test_shared(text): app.ask(text)

        @pytest.mark.baserun_replay
        def test_alone(): app.ask("alone")
        """,
    )
    workers: Any = {"plugins": ("xdist.plugin", "xdist.looponfail")}

    parallel = project.run("--baserun-record=once", "-n2", **workers, **model.environment())
    single = project.run("--baserun-record=once", **model.environment())
    replayed = project.run("-n2", **workers, **UNREACHABLE)

    refused = {name for name, case in parallel.cases.items() if case.outcome != "passed"}
    assert refused == {"test_shared[first]", "test_shared[second]"}
    assert "The recording one.json may be shared by tests (partial=True)" in parallel.output
    assert (single.code, replayed.code) == (0, 0), single.output + replayed.output


def test_a_failed_test_leaves_its_recording_alone(project: Any, model: OfflineModel) -> None:
    """A test that fails, for a wrong key or an unreachable provider, writes or changes no recording."""
    test = "import app, pytest\n\n@pytest.mark.baserun_replay('one.json')\ndef test_one():\n    app.ask('first')\n"
    project.write("test_one.py", test)
    model.next(Fault(status=401, message="Incorrect API key provided."))

    refused = project.run("--baserun-record=once", **model.environment())
    is_written = (project.folder / "one.json").exists()
    passed_then = project.run("--baserun-record=once", **model.environment())
    away = project.run("--baserun-record=all", **UNREACHABLE)

    assert (refused.code, passed_then.code, away.code) == (1, 0, 1)
    assert not is_written
    assert "The recording one.json was not written, since the test failed." in refused.output
    assert calls_in(project) == ["first"]


def asked(model: OfflineModel) -> list[str]:
    return [request.json["messages"][-1]["content"] for request in model.requests]


def calls_in(project: Any) -> list[str]:
    calls = json.loads((project.folder / "one.json").read_text())["calls"]
    return [call["request"]["body"]["messages"][-1]["content"] for call in calls]


def test_a_marker_that_cannot_be_used(project: Any) -> None:
    """Wrong arguments of the marker fail the test with one line, which says what to write."""
    markers = {
        "(7)": "the path is 7",
        "(paht='a.json')": "it got an unexpected keyword argument 'paht'",
        "('a.json', ['temperature'])": "it takes from 0 to 1 positional arguments but 2 were given",
        "('a.json', ignore=[7])": "ignore is [7]",
        "('a.json', partial='no')": "partial is 'no'",
    }
    tests = [f"@pytest.mark.baserun_replay{marker}\ndef test_{at}(): ..." for at, marker in enumerate(markers)]
    project.write("test_wrong.py", "\n".join(["import pytest", *tests]))

    done = project.run()

    for at, problem in enumerate(markers.values()):
        case = done.cases[f"test_{at}"]
        assert case.outcome == "error"
        assert f"baserun_replay cannot be used: {problem}. Write baserun_replay(" in case.text
        assert "_marker.py" not in case.text


def test_a_redaction_of_the_application_counts_on_both_sides(project: Any, model: OfflineModel) -> None:
    """The application's `redact` is applied to the recording, and to a request that is compared with it."""
    project.write(
        "test_private.py",
        """
        import app
        import baserun
        import pytest

        @pytest.mark.baserun_replay("private.json")
        def test_private():
            baserun.init(store="memory", redact=lambda text, path: text.replace("Ada", "[name]"))
            assert app.ask("I am Ada") in ("You said: I am Ada", "You said: I am [name]")
        """,
    )
    project.run("--baserun-record=once", **model.environment())

    done = project.run(**UNREACHABLE)

    assert "Ada" not in (project.folder / "private.json").read_text()
    assert done.cases["test_private"].outcome == "passed", done.output
