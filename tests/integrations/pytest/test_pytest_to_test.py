"""Generating a test from a recorded session: `baserun sessions to-test`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openai
import pytest
from click.testing import CliRunner, Result

import baserun
from baserun.cli._app import app
from baserun.testing import Captured, Fault, OfflineModel, capture

TOOL = {
    "type": "function",
    "function": {"name": "find_order", "parameters": {"type": "object", "properties": {"name": {"type": "string"}}}},
}
CHAT = f"""
import openai

SYSTEM = "You are the friendly support of Example Shop."
TOOL = {TOOL}
conversation = [{{"role": "system", "content": SYSTEM}}]


def drive(turn):
    conversation.append({{"role": "user", "content": turn}})
    try:
        with openai.OpenAI() as client:
            return answer(client)
    except openai.APIStatusError as error:
        conversation.pop()
        return f"Sorry ({{error.status_code}})."


def answer(client):
    while True:
        asked = dict(model="gpt-4o-mini", messages=conversation, tools=[TOOL])
        if len(conversation) > 6:
            pieces = client.chat.completions.create(**asked, stream=True)
            text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
            conversation.append({{"role": "assistant", "content": text}})
            return text
        message = client.chat.completions.create(**asked).choices[0].message
        conversation.append(message.to_dict())
        if not message.tool_calls:
            return message.content
        for call in message.tool_calls:
            conversation.append({{"role": "tool", "tool_call_id": call.id, "content": "on its way"}})
"""
TURNS = ["Hello", 'Please find the order of "Ada"', "Fail now", "And in pieces?"]
UNREACHABLE = {"OPENAI_BASE_URL": "http://models.invalid/v1"}


def talk(model: OfflineModel, monkeypatch: pytest.MonkeyPatch) -> str:
    """Record a conversation with the application; return the session's id."""
    for name, value in model.environment().items():
        monkeypatch.setenv(name, value)
    application: dict[str, Any] = {}
    exec(CHAT, application)
    with baserun.with_session() as session:
        for turn in TURNS:
            if turn == "Fail now":
                model.next(Fault(status=400, message="The prompt is too long."))
            with baserun.start_trace("POST /chat"):
                application["drive"](turn)
    return session.id


@pytest.fixture(name="model")
def _model() -> Iterator[OfflineModel]:
    with OfflineModel() as model:
        yield model


@pytest.fixture(name="captured")
def _captured(tmp_path: Path) -> Iterator[Captured]:
    with capture(store=str(tmp_path / "store.sqlite3")) as captured:
        yield captured


@pytest.fixture(name="to_test")
def _to_test(tmp_path: Path) -> Callable[..., Result]:
    """A function that runs `baserun sessions to-test`."""

    def run(session_id: str, folder: Path, *arguments: str) -> Result:
        command = ["--store", str(tmp_path / "store.sqlite3"), "sessions", "to-test", session_id, "-o", str(folder)]
        return CliRunner().invoke(app, [*command, *arguments], prog_name="baserun")

    return run


@pytest.fixture(name="chat")
def _chat(project: Any, model: OfflineModel, captured: Captured, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project with the application, after a recorded conversation."""
    project.write("chat.py", CHAT)
    project.session_id = talk(model, monkeypatch)
    assert captured.flush()
    return project


def test_a_session_passes_offline_and_a_changed_prompt_is_told(chat: Any, to_test: Callable[..., Result]) -> None:
    """The test replays tools, an error and a stream without a provider; for a changed prompt it fails and says how."""
    made = to_test(chat.session_id, chat.folder / "tests", "--name", "ada", "--drive", "chat:drive")
    assert made.exit_code == 0, made.output
    first = chat.run("tests/test_ada.py", **UNREACHABLE)
    (chat.folder / "chat.py").write_text(CHAT.replace("friendly", "grumpy"))

    second = chat.run("tests/test_ada.py", **UNREACHABLE)

    assert first.code == 0, first.output
    assert second.cases["test_ada"].outcome == "failure"
    assert 'recorded: "You are the friendly support' in second.cases["test_ada"].text
    assert 'asked:    "You are the grumpy support' in second.cases["test_ada"].text


BROKEN = """
import openai

said = []


def pieces(client):
    if API == "responses":
        with client.responses.create(model="gpt-4o-mini", instructions="Be kind.", input=said, stream=True) as events:
            for event in events:
                if event.type == "response.output_text.delta":
                    yield event.delta
    else:
        with client.chat.completions.create(model="gpt-4o-mini", messages=said, stream=True) as chunks:
            for chunk in chunks:
                yield chunk.choices[0].delta.content or "" if chunk.choices else ""


def drive(turn):
    said.append({"role": "user", "content": turn})
    heard = ""
    with openai.OpenAI(max_retries=0) as client:
        try:
            for number, piece in enumerate(pieces(client)):
                heard += piece
                if turn == "Count to 40" and number > 5:
                    break
        except Exception:
            heard += " (and no more)"
    said.append({"role": "assistant", "content": heard})
    return heard
"""


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_streams_that_broke_off_are_part_of_the_test(
    api: str, project: Any, model: OfflineModel, captured: Captured, monkeypatch: pytest.MonkeyPatch,
    to_test: Callable[..., Result],
) -> None:  # fmt: skip
    """The test replays streams that the application left or that broke off: the next request fits the recording."""
    code = f"API = {api!r}\n{BROKEN}"
    project.write("chat.py", code)
    for name, value in model.environment().items():
        monkeypatch.setenv(name, value)
    application: dict[str, Any] = {}
    exec(code, application)
    with baserun.with_session() as session:
        for turn in ("Count to 40", "Count to 30", "Count to 20", "What did you say?"):
            if turn == "Count to 30":
                model.next(Fault(cut="body", after=9))
            if turn == "Count to 20":
                model.next(Fault(stream_error="overloaded", after=9))
            with baserun.start_trace("POST /chat"):
                application["drive"](turn)
    assert captured.flush()
    made = to_test(session.id, project.folder / "tests", "--name", "broken", "--drive", "chat:drive")
    assert made.exit_code == 0, made.output

    done = project.run("tests/test_broken.py", **UNREACHABLE)

    assert done.code == 0, done.output


def test_a_generated_test_asks_to_be_filled_in(chat: Any, to_test: Callable[..., Result]) -> None:
    """A test generated without `--drive` fails and says what to write."""
    to_test(chat.session_id, chat.folder / "tests", "--name", "ada")

    done = chat.run("tests/test_ada.py")

    assert "drive(turn) in this file is not filled in yet" in done.cases["test_ada"].text
    assert '("Fail now", None),' in (chat.folder / "tests" / "test_ada.py").read_text()


def test_files_are_not_overwritten_by_accident(chat: Any, to_test: Callable[..., Result]) -> None:
    """An existing test is not overwritten without `--force`."""
    folder = chat.folder / "tests"
    to_test(chat.session_id, folder, "--name", "ada")

    again = to_test(chat.session_id, folder, "--name", "ada")

    assert (again.exit_code, "exist already; write --force" in again.output) == (1, True)
    assert to_test(chat.session_id, folder, "--name", "ada", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--name", "../evil"), "cannot be called '../evil'"), (("--drive", "a b"), "module:function")],
)
def test_unusable_names_are_refused(
    chat: Any, to_test: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    """An invalid module or function name is refused, and nothing is written."""
    answer = to_test(chat.session_id, chat.folder / "tests", *arguments)

    assert (answer.exit_code, said in answer.output) == (1, True)
    assert not (chat.folder / "tests").exists()


def test_calls_that_are_not_kept_whole_are_refused_by_name(
    model: OfflineModel, captured: Captured, to_test: Callable[..., Result], tmp_path: Path
) -> None:
    """A session with omitted, truncated or described content is refused, and the error names the call."""

    def session_of(said: str, **options: Any) -> str:
        with baserun.with_session(**options) as session, openai.OpenAI(base_url=model.url, api_key="x") as client:
            client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])
            if said == "vectors":
                client.embeddings.create(model="text-embedding-3-small", input="text")
            else:
                client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": said}])
        return session.id

    sessions = {
        "Call 1 (chat gpt-4o-mini": session_of("x", capture_content=False),
        "Call 2 (chat gpt-4o-mini": session_of("long " * 300_000),
        "Call 2 (embeddings text-embedding-3-small": session_of("vectors"),
    }
    assert captured.flush()

    answers = {said: to_test(session_id, tmp_path / "tests") for said, session_id in sessions.items()}

    assert [said for said, answer in answers.items() if answer.exit_code != 1 or said not in answer.output] == []
    assert not (tmp_path / "tests").exists()


def test_pruned_content_is_refused(chat: Any, captured: Captured, to_test: Callable[..., Result]) -> None:
    """A session whose content was pruned is refused."""
    captured.store.prune(before=datetime.now(UTC) + timedelta(hours=1), content_only=True)

    answer = to_test(chat.session_id, chat.folder / "tests")

    assert (answer.exit_code, "Call 1" in answer.output, "pruned" in answer.output) == (1, True, True)


def test_secrets_do_not_come_into_the_test(model: OfflineModel, to_test: Callable[..., Result], tmp_path: Path) -> None:
    """Secrets recorded without redaction are masked in the generated test and its recording."""
    secret = "sk-proj-" + "Ab3" * 16
    with capture(store=str(tmp_path / "store.sqlite3"), redact=None) as captured:
        with baserun.with_session() as session, openai.OpenAI(base_url=model.url, api_key="x") as client:
            said = [{"role": "user", "content": f"My key is {secret}"}]
            client.chat.completions.create(model="gpt-4o-mini", messages=said)  # type: ignore[arg-type]
        assert captured.flush()

        made = to_test(session.id, tmp_path / "tests", "--name", "key")

    assert made.exit_code == 0, made.output
    test = (tmp_path / "tests" / "test_key.py").read_text()
    assert '("My key is [masked: api key]", "You said: My key is [masked: api key]")' in test
    assert [str(path) for path in (tmp_path / "tests").rglob("*.*") if secret in path.read_text()] == []
