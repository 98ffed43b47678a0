"""Reading the details of a call from its bytes; runs on the writer's thread."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from baserun.instrumentation import CallDetails, RawJSON, report
from baserun_openai._binary import describe_file
from baserun_openai._body import Body
from baserun_openai._closing import CLOSED, COLLECTED, COMPLETE, ERROR
from baserun_openai._exchange import Answer
from baserun_openai._failure import tell_failure
from baserun_openai._identity import PARAMETERS, named_in
from baserun_openai._provider import address_of, deployment_in, provider_of
from baserun_openai._sse import split_events
from baserun_openai._wire import Fields, decode_or_text, label_of, object_of, text_of

if TYPE_CHECKING:
    from baserun_openai._call import Call

_NO_PARAMETERS = frozenset(("model", "stream", *PARAMETERS))
_EVENT_STREAM = "text/event-stream"
_BEGINS_LIKE_EVENTS = re.compile(rb"\s*(data|event|id|retry|:|$)")


def describe(call: Call) -> CallDetails:
    """Return the details of `call`; if one part cannot be read, only that part is missing."""
    details = CallDetails(operation=call.endpoint.operation)
    for doing, describe_part in _PARTS:
        try:
            describe_part(call, details)
        except Exception as error:
            report(doing, error)
    return details


def _describe_exchange(call: Call, details: CallDetails) -> None:
    details.retries = call.retries if isinstance(call.retries, int) else max(call.attempts - 1, 0)
    details.stream_end = call.stream_end
    details.error_status_code = call.error_status_code
    details.provider = provider_of(call.url)
    details.price_url = address_of(call.url)
    if call.headers is not None:
        details.request_id = call.headers.get("x-request-id") or call.headers.get("apim-request-id")


def _describe_request(call: Call, details: CallDetails) -> None:
    try:
        fields = _fields_of(call)
    except RecursionError:
        details.input = RawJSON(call.content or b"")  # nested too deeply to be decoded; stored as a description
        return
    details.request_model = text_of(fields.get("model")) or deployment_in(call.url)
    details.stream = _is_true(fields.get("stream"))
    details.end_user = named_in(fields)
    family = call.endpoint.family
    parameters = {name: fields[name] for name in fields if name not in _NO_PARAMETERS and name not in family.CONTENT}
    details.parameters = parameters or None
    family.read_input(fields, details)


def _fields_of(call: Call) -> Fields:
    if call.content is not None:
        # All of it: skipping encoded text takes the decoder longer than decoding it.
        return object_of(decode_or_text(call.content)) if call.content else {}
    fields = dict(call.fields or {})
    for name, file in call.files or ():
        described = describe_file(file)
        fields[name] = [*fields[name], described] if name.endswith("[]") and name in fields else described
        if name.endswith("[]") and not isinstance(fields[name], list):
            fields[name] = [described]
    return fields


def _is_true(value: Any) -> bool:
    # In a form, values are text.
    return value in (True, "true")


def _describe_response(call: Call, details: CallDetails) -> None:
    body = Body(call)
    is_event_stream = _is_event_stream(body, details)
    if call.is_streamed:
        details.stream = is_event_stream
        if not details.stream and details.stream_end == COMPLETE:
            details.stream_end = None  # no stream, only a body that was read in chunks
    if call.error_status_code is not None:
        details.error_body = decode_or_text(body.data) if body.data else None
    elif body.is_there:
        _read_answer(call, body, details, is_event_stream)
    if body.damage is not None and details.stream_end in (CLOSED, COLLECTED):
        # The decoder's error is not raised through the body, and drops it like somebody who reads no further.
        details.stream_end = ERROR
        details.error = details.error or (type(body.damage).__name__, str(body.damage))


def _is_event_stream(body: Body, details: CallDetails) -> bool:
    # The client reads a stream if it asked for one, whatever content type a compatible server declares.
    return body.content_type == _EVENT_STREAM or bool(details.stream and _BEGINS_LIKE_EVENTS.match(body.data))


def _read_answer(call: Call, body: Body, details: CallDetails, is_event_stream: bool) -> None:
    answer = Answer(body=body.data, content_type=body.content_type, size=body.size)
    if is_event_stream:
        details.stream = True
        answer.events = split_events(body.data)
        if details.stream_end is None:
            details.stream_end = COMPLETE
    try:
        call.endpoint.family.read_answer(answer, details)
    finally:
        # Some servers send numbers here, and a hostile one may send anything.
        details.response_id, details.response_model = label_of(details.response_id), label_of(details.response_model)
        _tell_of_stream(call, body, answer, details)


def _tell_of_stream(call: Call, body: Body, answer: Answer, details: CallDetails) -> None:
    merged = answer.merged
    if merged is None:
        return
    tell_failure(merged.error, details)
    if details.error is not None:
        details.stream_end = ERROR
    if merged.first_offset is not None and call.times:
        details.time_to_first_token_us = (body.arrived_ns(merged.first_offset) - call.started_ns) // 1000


_PARTS = (
    ("reading what an OpenAI call was", _describe_exchange),
    ("reading what was sent to OpenAI", _describe_request),
    ("reading what OpenAI answered", _describe_response),
)
