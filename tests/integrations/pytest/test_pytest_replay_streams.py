"""Recording and replaying streams of servers that deviate from OpenAI's API."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun_openai._chat_stream import merge
from baserun_openai._sse import split_events
from baserun_pytest._chat_stream import merge_chat


def chunk(delta: Any, finish_reason: str | None = None, index: Any = 0, **others: Any) -> Any:
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c", "created": 1, "model": "m", "choices": [choice], **others}


def tools(*calls: Any) -> Any:
    return chunk({"role": "assistant", "tool_calls": [*calls]})


def function(call_id: str | None, name: str | None, arguments: Any, **others: Any) -> Any:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **others}


END = chunk({}, "stop")
NO_TOOLS = {"0": {"content": "ab", "calls": [], "finish_reason": "stop"}}
TWO_TOOLS = {"0": {"content": "", "calls": [["t1", "f", "{}"], ["t2", "g", "[1]"]], "finish_reason": "stop"}}

CASES: dict[str, tuple[list[Any], Any]] = {
    "plain": ([chunk({"role": "assistant", "content": "a"}), chunk({"content": "b"}), END], NO_TOOLS),
    "role each time": ([chunk({"role": "assistant", "content": text}) for text in "ab"] + [END], NO_TOOLS),
    "null delta": ([chunk(None), chunk({"content": "ab"}), chunk(None, "stop")], NO_TOOLS),
    "null choices": ([{"id": "c", "choices": None}, chunk({"content": "ab"}, "stop")], NO_TOOLS),
    "no index": ([{"id": "c", "choices": [{"delta": {"content": "ab"}, "finish_reason": "stop"}]}], NO_TOOLS),
    "second choice first": (
        [chunk({"content": "B"}, "stop", index=1), chunk({"content": "A"}, "stop")],
        {
            "0": {"content": "A", "calls": [], "finish_reason": "stop"},
            "1": {"content": "B", "calls": [], "finish_reason": "stop"},
        },
    ),
    "numbered tools": (
        [
            tools(function("t1", "f", "", index=0), function("t2", "g", "", index=1)),
            tools(function(None, None, "{}", index=0), function(None, None, "[1]", index=1)),
            END,
        ],
        TWO_TOOLS,
    ),
    "tools without numbers": ([tools(function("t1", "f", "{}")), tools(function("t2", "g", [1])), END], TWO_TOOLS),
    "all tools number 0": (
        [tools(function("t1", "f", "{}", index=0)), tools(function("t2", "g", "[1]", index=0)), END],
        TWO_TOOLS,
    ),
    "names each time": (
        [
            tools(function("t1", "f", "{", index=0)),
            tools(function("t1", "f", "}", index=0)),
            tools(function("t2", "g", "[1]", index=1)),
            END,
        ],
        TWO_TOOLS,
    ),
}

TEST = """
import json, os, pytest, openai

@pytest.mark.baserun_replay
@pytest.mark.parametrize("case", json.loads(os.environ["CASES"]))
def test_stream(case):
    choices = {}
    asked = {"model": "m", "messages": [{"role": "user", "content": case}], "stream": True}
    with openai.OpenAI() as client:
        for chunk in client.chat.completions.create(**asked):
            for part in chunk.choices or ():
                empty = {"content": "", "calls": [], "finish_reason": None}
                choice = choices.setdefault(getattr(part, "index", None) or 0, empty)
                choice["finish_reason"] = part.finish_reason or choice["finish_reason"]
                if part.delta is None:
                    continue
                choice["content"] += part.delta.content or ""
                for call in part.delta.tool_calls or ():
                    if call.id:
                        choice["calls"].append([call.id, call.function.name, ""])
                    choice["calls"][-1][2] += str(call.function.arguments or "")
    print("GOT", json.dumps([case, choices]))
"""


RESPONSE = {"id": "r", "object": "response", "model": "m", "status": "in_progress", "output": []}
MESSAGE = {"id": "i", "type": "message", "role": "assistant", "status": "in_progress"}
CUT_RESPONSE = [
    {"type": "response.created", "response": RESPONSE},
    {"type": "response.output_item.added", "output_index": 0, "item": MESSAGE},
    {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "a"},
    {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": "b"},
    {"type": "response.refusal.delta", "item_id": "i", "output_index": 0, "content_index": 1, "delta": "c"},
]
"""A response whose server announces no part before its deltas, and that is cut off."""

CUT = """
import pytest, openai

@pytest.mark.baserun_replay
def test_cut():
    text = ""
    with openai.OpenAI(max_retries=0) as client, pytest.raises(Exception):  # by versions of the client another one
        for event in client.responses.create(model="m", input="Hi", stream=True):
            text += event.delta if event.type == "response.output_text.delta" else ""
    assert text == "ab"
"""


class Nearly(http.server.BaseHTTPRequestHandler):
    """Answers with the stream that the request names."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_cut = self.path.endswith("/responses")
        events = CUT_RESPONSE if is_cut else CASES[asked["messages"][0]["content"]][0]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        if is_cut:
            self.send_header("content-length", "100000")
        self.end_headers()
        self.wfile.write(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))

    def log_message(self, *args: Any) -> None:
        return None


@pytest.fixture(scope="module", name="runs")
def _runs(new_project: Callable[[], Any]) -> tuple[Any, Any]:
    """The recording run and the replaying run."""
    project = new_project()
    project.write("test_streams.py", TEST)
    project.write("test_cut.py", CUT)
    environment = {"CASES": json.dumps(list(CASES)), "OPENAI_API_KEY": "none"}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nearly) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            recorded = project.run("-rP", "--baserun-record=once", **environment, OPENAI_BASE_URL=url)
        finally:
            server.shutdown()
    return recorded, project.run("-rP", **environment, OPENAI_BASE_URL="http://192.0.2.1/v1")


@pytest.mark.parametrize("case", CASES)
def test_is_recorded_and_replayed(runs: tuple[Any, Any], case: str) -> None:
    """The replay gives the client the same text, tool calls and finish reasons, however oddly they were sent."""
    recorded, replayed = runs
    name = f"test_stream[{case}]"

    assert recorded.cases[name].outcome == "passed", recorded.cases[name].text
    assert replayed.cases[name].outcome == "passed", replayed.cases[name].text
    told = dict(json.loads(line[4:]) for line in replayed.output.splitlines() if line.startswith("GOT "))
    assert told[case] == CASES[case][1]


def test_a_name_after_the_end_begins_no_call() -> None:
    """A server that sends ids, and the name once more behind the arguments, has called one tool."""
    deltas = (function("t1", "f", "{}", index=0), function(None, "f", "", index=0), function("t2", "g", "[1]", index=1))

    whole = merge_chat([*map(tools, deltas), END])

    calls = whole["choices"][0]["message"]["tool_calls"]
    assert calls == [function("t1", "f", "{}"), function("t2", "g", "[1]")]


def test_a_cut_response_is_replayed_as_far_as_it_came(runs: tuple[Any, Any]) -> None:
    """A response that was cut off is recorded and replayed as far as it came."""
    recorded, replayed = runs

    assert recorded.cases["test_cut"].outcome == "passed", recorded.cases["test_cut"].text
    assert replayed.cases["test_cut"].outcome == "passed", replayed.cases["test_cut"].text


def deltas_of(numbers: st.SearchStrategy[dict[str, int]]) -> st.SearchStrategy[list[list[dict[str, Any]]]]:
    """Deltas of tool calls, by chunk, in which a server gives ids and names once, each time, or never."""
    texts = st.sampled_from(['{"a":', "1}", "{}", "", {"b": 2}, None])
    functions = st.fixed_dictionaries({}, optional={"name": st.sampled_from(["look", "find", ""]), "arguments": texts})
    others = st.fixed_dictionaries(
        {"function": functions}, optional={"id": st.sampled_from(["a", "b", "", None]), "type": st.just("function")}
    )
    one = st.builds(lambda number, other: {**number, **other}, numbers, others)
    return st.lists(st.lists(one, min_size=1, max_size=2), min_size=1, max_size=4)


NUMBERED = deltas_of(st.builds(lambda number: {"index": number}, st.integers(0, 2)))
NOT_NUMBERED = deltas_of(st.just({}))


@given(NUMBERED | NOT_NUMBERED)
def test_a_recording_has_the_tool_calls_of_the_record(deltas: list[list[dict[str, Any]]]) -> None:
    """From the same chunks, what is recorded of a call and what a recording keeps have the same tool calls.

    The two are merged apart: a record needs the known members, in a form of its own; a recording every member.
    """
    chunks = [tools(*each) for each in deltas]
    body = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in chunks)

    (recorded,) = merge(split_events(body)).answer["choices"]
    (kept,) = merge_chat(chunks)["choices"]

    assert calls_in(recorded) == calls_in(kept)


def calls_in(choice: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    """Return id, name and arguments of the tool calls."""
    calls = [(call.get("id"), call["function"]) for call in choice["message"].get("tool_calls") or ()]
    return [(number or None, call.get("name") or "", call.get("arguments") or "") for number, call in calls]
