"""The Responses endpoints of the offline model, as the real client sees them."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.resources.responses import Responses
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from baserun.testing import OfflineModel, Reply

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


class Person(BaseModel):
    """The type of the structured output to ask for."""

    name: str
    age: int


def test_answer_is_a_valid_response(model: OfflineModel, client: openai.OpenAI) -> None:
    """The answer validates against the client's own type."""
    response = client.responses.create(model="gpt-4o", input="Hello", tools=[WEATHER], user="u1", metadata={"a": "b"})

    Response.model_validate(model.answers[0].json)
    assert response.output_text == "You said: Hello"
    assert response.status == "completed"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert (response.user, response.metadata) == ("u1", {"a": "b"})


def test_stream_has_the_providers_events(model: OfflineModel, client: openai.OpenAI) -> None:
    """Events come in the provider's order, numbered, and each validates against the client's types."""
    events = list(client.responses.create(model="gpt-4o", input='Say "a b"', stream=True))

    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(10))
    for sent in model.answers[0].events:
        EVENT.validate_python(sent)


def test_stream_helper_agrees_with_the_plain_answer(client: openai.OpenAI) -> None:
    """The stream helper ends with the response that a plain call gets."""
    plain = client.responses.create(model="gpt-4o", input="Count to 20")

    with client.responses.stream(model="gpt-4o", input="Count to 20") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        streamed = stream.get_final_response()

    assert "".join(deltas) == streamed.output_text == plain.output_text
    assert streamed.usage == plain.usage


def test_thinks_first(model: OfflineModel, client: openai.OpenAI) -> None:
    """A reasoning model's output begins with a reasoning item, with a summary on request."""
    with client.responses.stream(
        model="gpt-5-mini",
        input='Say "yes"',
        reasoning={"effort": "low", "summary": "auto"},
        include=["reasoning.encrypted_content"],
    ) as stream:
        response = stream.get_final_response()

    thought, said = response.output
    assert thought.type == "reasoning"
    assert thought.summary[0].text.startswith("**Considering")
    assert thought.encrypted_content
    assert said.type == "message"
    assert response.usage is not None
    assert response.usage.output_tokens_details.reasoning_tokens == 64
    for sent in model.answers[0].events:
        EVENT.validate_python(sent)


@pytest.mark.parametrize("stream", [False, True])
def test_calls_functions_and_reads_their_output(client: openai.OpenAI, stream: bool) -> None:
    """Function calls are output items; the model repeats the function's output that is sent back."""
    question = "What is the weather in Paris and Rome?"
    if stream:
        with client.responses.stream(model="gpt-4o", input=question, tools=[WEATHER]) as events:
            response: Any = events.get_final_response()
    else:
        response = client.responses.create(model="gpt-4o", input=question, tools=[WEATHER])
    cities = [json.loads(item.arguments)["city"] for item in response.output]

    outputs: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": degrees}
        for call, degrees in zip(response.output, ("21 degrees", "18 degrees"), strict=True)
    ]
    answer = client.responses.create(model="gpt-4o", input=outputs, previous_response_id=response.id)

    assert cities == ["Paris", "Rome"]
    assert answer.output_text == "get_weather says: 18 degrees"


def test_fills_a_schema(client: openai.OpenAI) -> None:
    """Structured output is an instance of the schema that the client can parse."""
    response = client.responses.parse(model="gpt-4o", input='"Ada" is 36', text_format=Person)

    assert response.output_parsed == Person(name="Ada", age=36)


@pytest.mark.parametrize("stream", [False, True])
def test_refuses_when_asked(client: openai.OpenAI, stream: bool) -> None:
    """A refusal is a content part of its own type."""
    if stream:
        with client.responses.stream(model="gpt-4o", input="Please refuse.") as events:
            response: Any = events.get_final_response()
    else:
        response = client.responses.create(model="gpt-4o", input="Please refuse.")

    assert response.output[0].content[0].refusal == "I'm sorry, I can't help with that."


@pytest.mark.parametrize("stream", [False, True])
def test_is_incomplete_at_the_limit(client: openai.OpenAI, stream: bool) -> None:
    """At `max_output_tokens` the response is incomplete, with the reason."""
    options: Any = {"model": "gpt-4o", "input": "Count to 50", "max_output_tokens": 3}
    if stream:
        *_, last = client.responses.create(**options, stream=True)
        response = last.response
    else:
        response = client.responses.create(**options)

    assert response.status == "incomplete"
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output_text == "1 2 3"


@pytest.mark.parametrize("stream", [False, True])
def test_fails_after_it_has_begun(model: OfflineModel, client: openai.OpenAI, stream: bool) -> None:
    """A response that fails has the status and error, and its stream ends with `response.failed`."""
    model.next(Reply(error="Out of memory."))

    if stream:
        *_, last = client.responses.create(model="gpt-4o", input="Hello", stream=True)
        assert last.type == "response.failed"
        response = last.response
    else:
        response = client.responses.create(model="gpt-4o", input="Hello")

    assert response.status == "failed"
    assert response.error is not None
    assert response.error.message == "Out of memory."
    assert response.output == []


def test_remembers_the_previous_response(client: openai.OpenAI) -> None:
    """The earlier conversation counts as input, without its instructions."""
    first = client.responses.create(model="gpt-4o", input="Hello there", instructions="Be nice and very brief.")

    second = client.responses.create(model="gpt-4o", input="Again", previous_response_id=first.id)

    assert second.usage is not None
    assert second.usage.input_tokens == (2 + 4) + (5 + 4) + (1 + 4)


def test_remembers_a_conversation(model: OfflineModel, client: openai.OpenAI) -> None:
    """An earlier response of the same conversation counts as input."""
    client.responses.create(model="gpt-4o", input="Hello", conversation="conv_1")

    second = client.responses.create(model="gpt-4o", input="Again", conversation="conv_1")

    assert second.conversation is not None
    assert second.conversation.id == "conv_1"
    assert second.usage is not None
    assert second.usage.input_tokens == (1 + 4) + (4 + 4) + (1 + 4)


def test_unknown_previous_response_is_refused(client: openai.OpenAI) -> None:
    """An unknown previous id is refused with the provider's code."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="gpt-4o", input="Again", previous_response_id="resp_unknown")

    assert raised.value.code == "previous_response_not_found"


def test_works_in_the_background(client: openai.OpenAI) -> None:
    """A background response advances with each retrieval: queued, in progress, completed."""
    response = client.responses.create(model="gpt-4o", input='Say "done"', background=True)

    seen = [response, *(client.responses.retrieve(response.id) for _ in range(3))]

    assert [one.status for one in seen] == ["queued", "in_progress", "completed", "completed"]
    assert [one.output_text for one in seen] == ["", "", "done", "done"]
    assert seen[0].usage is None


def test_stream_can_be_resumed(client: openai.OpenAI) -> None:
    """The stream of a background response can be read again from any event on."""
    started = list(client.responses.create(model="gpt-4o", input='Say "a b"', background=True, stream=True))
    response_id = started[0].response.id  # type: ignore[union-attr]

    resumed = list(client.responses.retrieve(response_id, stream=True, starting_after=4))

    assert started[1].type == "response.queued"
    assert resumed == started[5:]


@pytest.mark.parametrize("is_background", [False, True])
def test_failure_shows_at_the_end(client: openai.OpenAI, model: OfflineModel, is_background: bool) -> None:
    """Only the last event of a response that fails has its error."""
    model.next(Reply(error="It broke."))

    events = list(client.responses.create(model="gpt-4o", input="Hello", background=is_background, stream=True))

    told = [event.response.error for event in events if hasattr(event, "response")]
    assert told[:-1] == [None] * (len(told) - 1)
    assert told[-1] is not None
    assert events[-1].type == "response.failed"


def test_cancel_stops_the_background(client: openai.OpenAI) -> None:
    """A cancelled response stays cancelled."""
    response = client.responses.create(model="gpt-4o", input="Hello", background=True)

    cancelled = client.responses.cancel(response.id)

    assert cancelled.status == client.responses.retrieve(response.id).status == "cancelled"


def test_cancel_is_for_the_background_only(client: openai.OpenAI) -> None:
    """A response that is not in the background cannot be cancelled."""
    response = client.responses.create(model="gpt-4o", input="Hello")

    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(response.id)


def test_deleted_response_is_gone(client: openai.OpenAI) -> None:
    """A deleted response cannot be retrieved."""
    response = client.responses.create(model="gpt-4o", input="Hello")

    client.responses.delete(response.id)

    with pytest.raises(openai.NotFoundError, match=response.id):
        client.responses.retrieve(response.id)


def test_unstored_response_is_not_kept(client: openai.OpenAI) -> None:
    """A response with `store=False` cannot be retrieved."""
    response = client.responses.create(model="gpt-4o", input="Hello", store=False)

    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_lists_input_items(client: openai.OpenAI) -> None:
    """The input items of a response can be listed."""
    response = client.responses.create(model="gpt-4o", input="Hello")

    (item,) = client.responses.input_items.list(response.id).data

    assert item.type == "message"


@pytest.mark.skipif(not hasattr(Responses, "input_tokens"), reason="this client cannot count yet")
def test_counts_input_tokens(client: openai.OpenAI) -> None:
    """The count of input tokens equals the usage of the response."""
    counted = client.responses.input_tokens.count(model="gpt-4o", input="How much is this?")

    response = client.responses.create(model="gpt-4o", input="How much is this?")

    assert response.usage is not None
    assert counted.input_tokens == response.usage.input_tokens


@pytest.mark.skipif(not hasattr(Responses, "compact"), reason="this client cannot compact yet")
def test_compacts(client: openai.OpenAI) -> None:
    """A compacted conversation has the user's messages and one compaction item."""
    compacted = client.responses.compact(model="gpt-4o", input="A long story")

    assert [item.type for item in compacted.output] == ["message", "compaction"]


async def test_async_stream_helper(model: OfflineModel) -> None:
    """The async stream helper gets the final response."""
    async with (
        openai.AsyncOpenAI(base_url=model.url, api_key="offline") as client,
        client.responses.stream(model="gpt-4o", input='Say "a b c"') as stream,
    ):
        response = await stream.get_final_response()

    assert response.output_text == "a b c"
