"""Chat completions of the offline model, as the real client sees them."""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel

from baserun.testing import OfflineModel, Reply, ToolCall

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME: Any = {
    "type": "function",
    "function": {"name": "current_time", "parameters": {"type": "object", "properties": {}}},
}


class Step(BaseModel):
    """One step of a recipe."""

    number: int
    text: str


class Recipe(BaseModel):
    """The type of the structured output to ask for."""

    title: str
    kind: Literal["cake", "soup"]
    steps: list[Step]
    vegan: bool | None


def user(text: str) -> Any:
    """Return a conversation of one user message."""
    return [{"role": "user", "content": text}]


def test_says_the_quoted_words(client: openai.OpenAI) -> None:
    """`Say "..."` is answered with exactly the quoted words."""
    completion = client.chat.completions.create(model="gpt-4o-mini", messages=user('Say "this is a test"'))

    assert completion.choices[0].message.content == "this is a test"


def test_answer_is_a_valid_completion(model: OfflineModel, client: openai.OpenAI) -> None:
    """The answer validates against the client's own type and has the provider's headers."""
    completion = client.chat.completions.create(model="gpt-4o-mini", messages=user("Hello"))

    sent = model.answers[0]
    assert ChatCompletion.model_validate(sent.json, strict=True) == completion
    assert completion.model == "gpt-4o-mini-2024-07-18"
    assert completion.id.startswith("chatcmpl-")
    assert completion._request_id == sent.headers["x-request-id"]
    assert int(sent.headers["openai-processing-ms"]) >= 0


def test_counts_tokens(client: openai.OpenAI) -> None:
    """Usage follows the documented rule: a token for each word and sign, and four for each message."""
    completion = client.chat.completions.create(model="gpt-4o-mini", messages=user('Say "one two"'))

    usage = completion.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (5 + 4, 2, 11)


def test_thinks_before_it_answers(client: openai.OpenAI) -> None:
    """Reasoning models report reasoning tokens, which count as output."""
    completion = client.chat.completions.create(model="o4-mini", messages=user('Say "yes"'), reasoning_effort="high")

    assert completion.usage is not None
    assert completion.usage.completion_tokens_details is not None
    assert completion.usage.completion_tokens_details.reasoning_tokens == 256
    assert completion.usage.completion_tokens == 257


def test_caches_long_prefixes(client: openai.OpenAI) -> None:
    """A long prefix that was sent before is counted as cached, in steps of 128."""
    system: Any = {"role": "system", "content": "word " * 1300}
    client.chat.completions.create(model="gpt-4o-mini", messages=[system, *user("First")])

    completion = client.chat.completions.create(model="gpt-4o-mini", messages=[system, *user("Second")])

    assert completion.usage is not None
    assert completion.usage.prompt_tokens_details is not None
    assert completion.usage.prompt_tokens_details.cached_tokens == 1280


def test_same_requests_same_answers() -> None:
    """Two servers give the same answers, ids included."""
    told = []
    for _ in range(2):
        with (
            OfflineModel(clock=lambda: 1_700_000_000) as model,
            openai.OpenAI(base_url=model.url, api_key="k") as client,
        ):
            told.append([client.chat.completions.create(model="gpt-4o", messages=user("Hi")) for _ in range(2)])

    assert told[0] == told[1]
    assert told[0][0].id != told[0][1].id


def test_streams_words_in_turn(model: OfflineModel, client: openai.OpenAI) -> None:
    """Several choices arrive interleaved, each with its role first and its finish reason last."""
    chunks = list(client.chat.completions.create(model="gpt-4o", messages=user('Say "a b"'), n=2, stream=True))

    texts = {0: "", 1: ""}
    for chunk in chunks:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == {0: "a b", 1: "a b (choice 2)"}
    assert [chunk.choices[0].index for chunk in chunks[:4]] == [0, 1, 0, 1]
    assert all(chunk.usage is None for chunk in chunks)
    assert [ChatCompletionChunk.model_validate(event) for event in model.answers[0].events] == chunks


def test_streams_usage_when_asked(client: openai.OpenAI) -> None:
    """With `include_usage` a last chunk without choices has the same usage as a plain answer."""
    plain = client.chat.completions.create(model="gpt-4o", messages=user("Hello"))

    *_, last = client.chat.completions.create(
        model="gpt-4o", messages=user("Hello"), stream=True, stream_options={"include_usage": True}
    )

    assert last.choices == []
    assert last.usage == plain.usage


def test_streamed_and_whole_answers_agree(client: openai.OpenAI) -> None:
    """The stream helper assembles the same completion as a plain call gets."""
    plain = client.chat.completions.create(model="gpt-4o", messages=user("Count to 50"))

    with client.chat.completions.stream(model="gpt-4o", messages=user("Count to 50")) as stream:
        streamed = stream.get_final_completion()

    assert streamed.choices[0].message.content == plain.choices[0].message.content
    assert streamed.choices[0].finish_reason == plain.choices[0].finish_reason


def test_calls_a_mentioned_tool(client: openai.OpenAI) -> None:
    """A tool whose name's words occur in the question is called with the question's words."""
    completion = client.chat.completions.create(
        model="gpt-4o", messages=user("What is the weather in New York?"), tools=[WEATHER, TIME]
    )

    calls: Any = completion.choices[0].message.tool_calls
    told = [(call.function.name, json.loads(call.function.arguments)) for call in calls]
    assert told == [("get_weather", {"city": "New York"})]
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.choices[0].message.content is None


def test_streams_parallel_calls_by_index(client: openai.OpenAI) -> None:
    """Parallel tool calls are streamed with an index each, the name first and the arguments in pieces."""
    stream = client.chat.completions.create(
        model="gpt-4o", messages=user("What is the weather in Paris and Rome?"), tools=[WEATHER], stream=True
    )

    arguments: dict[int, str] = {}
    ids: dict[int, str | None] = {}
    for chunk in stream:
        for delta in chunk.choices[0].delta.tool_calls or ():
            assert delta.function is not None
            ids.setdefault(delta.index, delta.id)
            arguments[delta.index] = arguments.get(delta.index, "") + (delta.function.arguments or "")
    assert [json.loads(arguments[index]) for index in (0, 1)] == [{"city": "Paris"}, {"city": "Rome"}]
    assert None not in ids.values()
    assert len(set(ids.values())) == 2


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "current_time"}}, ["current_time"]),
    ],
)
def test_obeys_tool_choice(client: openai.OpenAI, choice: Any, called: list[str]) -> None:
    """`tool_choice` forbids or forces a tool call, whatever the question."""
    completion = client.chat.completions.create(
        model="gpt-4o", messages=user("Hello"), tools=[WEATHER, TIME], tool_choice=choice
    )

    calls: Any = completion.choices[0].message.tool_calls or ()
    assert [call.function.name for call in calls] == called


def test_repeats_a_tools_result(client: openai.OpenAI) -> None:
    """After a tool message the model repeats the tool's result."""
    asked = user("What is the weather in Paris?")
    first = client.chat.completions.create(model="gpt-4o", messages=asked, tools=[WEATHER]).choices[0].message
    assert first.tool_calls
    messages = [*asked, first, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "18 degrees"}]

    completion = client.chat.completions.create(model="gpt-4o", messages=messages, tools=[WEATHER])

    assert completion.choices[0].message.content == "get_weather says: 18 degrees"


def test_fills_a_schema(client: openai.OpenAI) -> None:
    """Structured output is an instance of the schema with values from the question."""
    completion = client.chat.completions.parse(
        model="gpt-4o", messages=user('A recipe for "Carrot cake" in 3 steps'), response_format=Recipe
    )

    assert completion.choices[0].message.parsed == Recipe(
        title="Carrot cake", kind="cake", steps=[Step(number=3, text="text")], vegan=True
    )


def test_streams_a_schema(client: openai.OpenAI) -> None:
    """The stream helper parses structured output."""
    with client.chat.completions.stream(
        model="gpt-4o", messages=user('A recipe for "Soup"'), response_format=Recipe
    ) as stream:
        completion = stream.get_final_completion()

    assert completion.choices[0].message.parsed is not None
    assert completion.choices[0].message.parsed.title == "Soup"


@pytest.mark.parametrize("stream", [False, True])
def test_refuses_when_asked(client: openai.OpenAI, stream: bool) -> None:
    """A refusal is in `refusal`, and there is no content."""
    messages = user("Please refuse this.")
    if stream:
        with client.chat.completions.stream(model="gpt-4o", messages=messages) as events:
            message: Any = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message

    assert message.refusal == "I'm sorry, I can't help with that."
    assert not message.content


def test_stops_at_the_limit(client: openai.OpenAI) -> None:
    """`max_tokens` cuts the text, and the finish reason says so."""
    completion = client.chat.completions.create(model="gpt-4o", messages=user("Count to 50"), max_tokens=3)

    assert completion.choices[0].message.content == "1 2 3"
    assert completion.choices[0].finish_reason == "length"


def test_stops_at_a_stop_word(client: openai.OpenAI) -> None:
    """The text ends before the first stop sequence."""
    completion = client.chat.completions.create(model="gpt-4o", messages=user("Count to 50"), stop=[" 4", " 6"])

    assert completion.choices[0].message.content == "1 2 3"


@pytest.mark.parametrize("stream", [False, True])
def test_gives_log_probabilities(client: openai.OpenAI, stream: bool) -> None:
    """Log probabilities have one entry for each token, with the requested number of alternatives."""
    options: Any = {"messages": user('Say "a b c"'), "logprobs": True, "top_logprobs": 2}
    if stream:
        with client.chat.completions.stream(model="gpt-4o", **options) as events:
            choice: Any = events.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(model="gpt-4o", **options).choices[0]

    assert [entry.token for entry in choice.logprobs.content] == ["a", " b", " c"]
    assert [len(entry.top_logprobs) for entry in choice.logprobs.content] == [2, 2, 2]


def test_speaks(client: openai.OpenAI) -> None:
    """With the audio modality the reply is sound with a transcript."""
    completion = client.chat.completions.create(
        model="gpt-4o-audio-preview",
        messages=user('Say "good morning"'),
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "wav"},
    )

    message = completion.choices[0].message
    assert message.audio is not None
    assert message.audio.transcript == "good morning"
    assert message.content is None


def test_streams_sound(model: OfflineModel, client: openai.OpenAI) -> None:
    """Sound is streamed as an id, a transcript, data and an expiry."""
    stream = client.chat.completions.create(
        model="gpt-4o-audio-preview",
        messages=user('Say "good morning"'),
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "pcm16"},
        stream=True,
    )

    list(stream)

    deltas = [event["choices"][0]["delta"] for event in model.answers[0].events]
    heard = [delta["audio"] for delta in deltas if "audio" in delta]
    assert "".join(piece.get("transcript", "") for piece in heard) == "good morning"
    assert base64.b64decode("".join(piece.get("data", "") for piece in heard)).startswith(b"RIFF")
    assert heard[0]["id"].startswith("audio_")
    assert heard[-1]["expires_at"] > 0


def test_reads_parts_of_content(client: openai.OpenAI) -> None:
    """Text parts are answered, and images are mentioned and counted as tokens."""
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    messages: Any = [{"role": "user", "content": content}]

    completion = client.chat.completions.create(model="gpt-4o", messages=messages)

    assert completion.choices[0].message.content == "You said: What is this? I see 1 image."
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 4 + 4 + 85


def test_reply_function_decides() -> None:
    """A reply function gets the messages and returns the text."""

    def reply(messages: list[dict[str, str]]) -> str:
        return f"{len(messages)} messages, the last from the {messages[-1]['role']}"

    with OfflineModel(reply=reply) as model, openai.OpenAI(base_url=model.url, api_key="k") as client:
        completion = client.chat.completions.create(model="gpt-4o", messages=user("Hello"))

    assert completion.choices[0].message.content == "1 messages, the last from the user"


def test_error_of_a_reply_function() -> None:
    """An exception of the reply function reaches the client as an error that is not retried."""

    def reply(messages: list[dict[str, str]]) -> str:
        raise KeyError("nothing here")

    with OfflineModel(reply=reply) as model, openai.OpenAI(base_url=model.url, api_key="k") as client:
        with pytest.raises(openai.InternalServerError, match="KeyError: 'nothing here'"):
            client.chat.completions.create(model="gpt-4o", messages=user("Hello"))

        assert len(model.requests) == 1


def test_scripted_replies_are_used_once(model: OfflineModel, client: openai.OpenAI) -> None:
    """Scripted replies are used once each, in order; after them the model answers as usual."""
    call = ToolCall(name="anything", arguments="{}")
    model.script("First.", Reply(text="Second.", finish_reason="content_filter"), None, Reply(tool_calls=(call,)))

    choices = [
        client.chat.completions.create(model="gpt-4o", messages=user('Say "usual"')).choices[0] for _ in range(5)
    ]

    assert [choice.message.content for choice in choices] == ["First.", "Second.", "usual", None, "usual"]
    assert [choice.finish_reason for choice in choices] == ["stop", "content_filter", "stop", "tool_calls", "stop"]


def test_azure_names_the_deployment_in_the_path(model: OfflineModel) -> None:
    """For Azure's client the first chunk has no choices, and the path names the deployment."""
    with openai.AzureOpenAI(
        azure_endpoint=model.azure_endpoint, api_key="offline", api_version="2024-10-21", azure_deployment="gpt-4o"
    ) as client:
        first, *others = client.chat.completions.create(model="ignored", messages=user("Hello"), stream=True)

    assert first.choices == []
    assert "".join(chunk.choices[0].delta.content or "" for chunk in others) == "You said: Hello"
    assert model.requests[0].path == "/openai/deployments/gpt-4o/chat/completions"
    assert model.requests[0].query == {"api-version": "2024-10-21"}


async def test_async_client_streams(model: OfflineModel) -> None:
    """The async client reads a stream."""
    async with openai.AsyncOpenAI(base_url=model.url, api_key="offline") as client:
        stream = await client.chat.completions.create(model="gpt-4o", messages=user('Say "a b c"'), stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert text == "a b c"
