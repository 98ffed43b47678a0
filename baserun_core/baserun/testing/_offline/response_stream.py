"""Splitting a response into the events of its stream."""

from __future__ import annotations

from collections.abc import Iterator

from baserun.testing._offline import tokens
from baserun.testing._offline.exchange import Json


def response_events(response: Json) -> list[Json]:
    """Return all events of a response, numbered."""
    events = [*_opening(response), *_items(response), {"type": f"response.{response['status']}", "response": response}]
    return [{"sequence_number": number, **event} for number, event in enumerate(events)]


def unfinished(response: Json, status: str) -> Json:
    """Return the response as it is before its end, without output, usage and errors."""
    ends = dict.fromkeys(("usage", "completed_at", "incomplete_details", "error"))
    return {**response, **ends, "status": status, "output": []}


def _opening(response: Json) -> Iterator[Json]:
    started = unfinished(response, "in_progress")
    if response["background"]:
        queued = unfinished(response, "queued")
        yield {"type": "response.created", "response": queued}
        yield {"type": "response.queued", "response": queued}
    else:
        yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}


def _items(response: Json) -> Iterator[Json]:
    for index, item in enumerate(response["output"]):
        place = {"item_id": item["id"], "output_index": index}
        match item["type"]:
            case "reasoning":
                unfinished, events = {**item, "summary": []}, _reasoning(item, place)
            case "function_call":
                unfinished, events = {**item, "status": "in_progress", "arguments": ""}, _function_call(item, place)
            case "message":
                unfinished, events = {**item, "status": "in_progress", "content": []}, _message(item, place)
            case _:
                unfinished, events = item, iter(())
        yield {"type": "response.output_item.added", "output_index": index, "item": unfinished}
        yield from events
        yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _reasoning(item: Json, place: Json) -> Iterator[Json]:
    for index, part in enumerate(item["summary"]):
        at = {**place, "summary_index": index}
        empty = {**part, "text": ""}
        yield {"type": "response.reasoning_summary_part.added", **at, "part": empty}
        for piece in tokens.split(part["text"]):
            yield {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
        yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **at, "part": part}


def _function_call(item: Json, place: Json) -> Iterator[Json]:
    for piece in tokens.split(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}
    named = {"name": item["name"], "arguments": item["arguments"]}
    yield {"type": "response.function_call_arguments.done", **place, **named}


def _message(item: Json, place: Json) -> Iterator[Json]:
    for index, part in enumerate(item["content"]):
        at = {**place, "content_index": index}
        field = "refusal" if part["type"] == "refusal" else "text"
        empty = {**part, field: ""} | ({"logprobs": []} if field == "text" else {})
        yield {"type": "response.content_part.added", **at, "part": empty}
        yield from _told(part, field, at)
        yield {"type": "response.content_part.done", **at, "part": part}


def _told(part: Json, field: str, at: Json) -> Iterator[Json]:
    if field == "refusal":
        for piece in tokens.split(part["refusal"]):
            yield {"type": "response.refusal.delta", **at, "delta": piece}
        yield {"type": "response.refusal.done", **at, "refusal": part["refusal"]}
        return
    for index, piece in enumerate(tokens.split(part["text"])):
        logprobs = part["logprobs"][index : index + 1]
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": logprobs}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": part["logprobs"]}
