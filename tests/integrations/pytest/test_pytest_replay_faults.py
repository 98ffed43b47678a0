"""Faults during the recording recur in the replay at the same place, with every transport."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baserun.testing import OfflineModel

UNREACHABLE = {"OPENAI_BASE_URL": "http://models.invalid/v1"}
CARRIERS = ["sync", "async", "aiohttp"]
ENDPOINTS = ["chat", "responses", "completions"]
FAULTS = {
    "none": "",
    "zipped": "#gzip=true",
    "cut": "#cut=body,after=6,times=always",
    "reset": "#cut=body,reset=true,after=6,times=always",
    "cut_at_once": "#cut=body,after=0,times=always",
    "no_more_events": "#chunk_delay=30,times=always",
    "error_event": "#stream_error=overloaded,after=6,times=always",
    "no_headers": "#cut=headers,times=always",
    "no_answer": "#delay=30,times=always",
    "works_again": "#status=500,times=1",
}
TESTS = """
import json
import os

import openai
import pytest

FAULTS = json.loads(os.environ["FAULTS"])
SAID = "Say 'one two three four five six'"
MESSAGES = [{"role": "user", "content": SAID}]
ENDS = ("response.completed", "error")


def pytest_generate_tests(metafunc):
    name = metafunc.function.__name__
    for endpoint in ("chat", "responses", "completions"):
        for fault in FAULTS:
            replay = pytest.mark.baserun_replay(f"recordings/{name}-{endpoint}-{fault}.json")
            CASES.append(pytest.param(endpoint, fault, marks=replay, id=f"{endpoint}-{fault}"))
    metafunc.parametrize(("endpoint", "fault"), CASES)
    CASES.clear()


CASES = []


def call(client, endpoint, fault):
    options = {"model": "gpt-4o-mini" + FAULTS[fault], "stream": True}
    if endpoint == "responses":
        return client.responses.create(**options, input=SAID)
    if endpoint == "completions":
        return client.completions.create(**options, prompt=SAID)
    return client.chat.completions.create(**options, messages=MESSAGES)


def told(event):
    if getattr(event, "type", "") == "response.output_text.delta":
        return event.delta
    choices = getattr(event, "choices", None)
    if not choices:
        return ""
    return (choices[0].text if hasattr(choices[0], "text") else choices[0].delta.content) or ""


class Heard:
    text, end, error = "", None, None

    def add(self, event):
        self.text += told(event)
        if getattr(event, "type", None) in ENDS:
            self.end = event.type

    def failed(self, error):
        # The first major version of the client lets errors of httpx through, of which the kind is kept.
        name = type(error).__name__
        self.error = ["ReadError" if name == "RemoteProtocolError" else name, getattr(error, "body", None)]

    def note(self, request):
        with open(os.environ["NOTES"], "a") as file:
            file.write(json.dumps([request.node.name, self.text, self.end, self.error]) + "\\n")


def options(fault):
    patience = 0.4 if fault in ("no_more_events", "no_answer") else 60
    return {"max_retries": 1, "timeout": patience}


def test_sync(request, endpoint, fault):
    heard = Heard()
    with openai.OpenAI(**options(fault)) as client:
        try:
            for event in call(client, endpoint, fault):
                heard.add(event)
        except Exception as error:
            heard.failed(error)
    heard.note(request)


async def hear(client, endpoint, fault):
    heard = Heard()
    async with client:
        try:
            async for event in await call(client, endpoint, fault):
                heard.add(event)
        except Exception as error:
            heard.failed(error)
    return heard


async def test_async(request, endpoint, fault):
    heard = await hear(openai.AsyncOpenAI(**options(fault)), endpoint, fault)
    heard.note(request)


async def test_aiohttp(request, endpoint, fault):
    carrier = openai.DefaultAioHttpClient(timeout=options(fault)["timeout"])
    heard = await hear(openai.AsyncOpenAI(**options(fault), http_client=carrier), endpoint, fault)
    heard.note(request)
"""


class Notes:
    """What the application got from its client in the recording run and in the replaying run."""

    def __init__(self, folder: Path) -> None:
        self.recorded = _read(folder / "recorded")
        self.replayed = _read(folder / "replayed")


def _read(path: Path) -> dict[str, list[Any]]:
    return {name: heard for name, *heard in map(json.loads, path.read_text().splitlines())}


@pytest.fixture(scope="module", name="notes")
def _notes(new_project: Callable[[], Any]) -> Notes:
    project = new_project()
    project.write("test_faults.py", TESTS)
    plugins = ("pytest_asyncio.plugin",)
    some = () if importlib.util.find_spec("aiohttp") else ("-k", "not aiohttp")
    faults = {"FAULTS": json.dumps(FAULTS)}
    with OfflineModel() as model:
        provider = {**model.environment(), **faults, "NOTES": "recorded"}
        first = project.run("--baserun-record=once", *some, plugins=plugins, **provider)
    second = project.run(*some, plugins=plugins, **UNREACHABLE, **faults, NOTES="replayed")
    assert (first.code, second.code) == (0, 0), first.output + second.output
    return Notes(project.folder)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_stream_ends_as_it_did(notes: Notes, carrier: str, endpoint: str, fault: str) -> None:
    """A replayed stream has the same text as the recorded one, and the same last event or error of the client."""
    if carrier == "aiohttp" and importlib.util.find_spec("aiohttp") is None:
        pytest.skip("aiohttp is not installed")
    name = f"test_{carrier}[{endpoint}-{fault}]"

    assert notes.replayed[name] == notes.recorded[name]


def test_what_was_recorded_went_wrong_indeed(notes: Notes) -> None:
    """The faults really occurred in the recording: part of the text with an error, or no text at all."""
    whole = "one two three four five six"
    heard = {fault: notes.recorded[f"test_sync[responses-{fault}]"] for fault in FAULTS}

    assert [heard[fault] for fault in ("none", "zipped", "works_again")] == [[whole, "response.completed", None]] * 3
    assert heard["error_event"] == ["one two", "error", None]
    assert heard["cut"][:2] == heard["reset"][:2] == ["one two", None]
    assert [heard[fault][0] for fault in ("cut_at_once", "no_more_events", "no_headers", "no_answer")] == [""] * 4
    assert [fault for fault in FAULTS if heard[fault][2] is None] == ["none", "zipped", "error_event", "works_again"]
