"""Faults of the offline model, as the real client sees them."""

from __future__ import annotations

import importlib
import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from baserun.testing import Fault, OfflineModel
from waiting import eventually

# Both may be installed; clients before 3.0 use the older one.
httpx2: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")

# Only newer clients wrap errors inside a stream.
CUT = (openai.APIConnectionError, httpx2.TransportError)
MESSAGES: Any = [{"role": "user", "content": 'Say "one two three"'}]


def ask(client: openai.OpenAI, **options: Any) -> str | None:
    """Return the text of a plain answer."""
    completion: ChatCompletion = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, **options)
    return completion.choices[0].message.content


def stream(client: openai.OpenAI, texts: list[str], **options: Any) -> None:
    """Read a stream into `texts`."""
    chunks = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True, **options)
    texts.extend(chunk.choices[0].delta.content or "" for chunk in chunks)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, openai.BadRequestError, None),
        (401, openai.AuthenticationError, "invalid_api_key"),
        (403, openai.PermissionDeniedError, "unsupported_country_region_territory"),
        (404, openai.NotFoundError, "model_not_found"),
        (408, openai.APIStatusError, None),
        (409, openai.ConflictError, None),
        (413, openai.APIStatusError, None),
        (422, openai.UnprocessableEntityError, None),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, None),
        (503, openai.InternalServerError, None),
        (529, openai.InternalServerError, None),
    ],
)
def test_status(
    model: OfflineModel, client: openai.OpenAI, status: int, error: type[openai.APIStatusError], code: str | None
) -> None:
    """A chosen status is answered once, with the provider's error object."""
    model.next(status=status)

    with pytest.raises(error) as raised:
        ask(client)

    assert raised.value.status_code == status
    assert raised.value.code == code
    assert isinstance(raised.value.body, dict)
    assert set(raised.value.body) == {"message", "type", "param", "code"}
    assert raised.value.request_id == model.answers[0].headers["x-request-id"]
    assert ask(client) == "one two three"


def test_message_and_code_can_be_chosen(model: OfflineModel, client: openai.OpenAI) -> None:
    """Message and code of the error can be chosen."""
    model.next(status=429, message="No more credit.", code="insufficient_quota")

    with pytest.raises(openai.RateLimitError, match=r"No more credit\.") as raised:
        ask(client)

    assert raised.value.code == "insufficient_quota"


@pytest.mark.parametrize(
    "wait", [{"retry_after": 0}, {"retry_after_ms": 1}, {"retry_after_date": -5}, {"should_retry": True, "status": 400}]
)
def test_retries_succeed(model: OfflineModel, wait: dict[str, Any]) -> None:
    """After `times` failures the client's next retry gets its answer."""
    model.next(**{"status": 429, "times": 2, **wait})

    with openai.OpenAI(base_url=model.url, api_key="offline", max_retries=2) as client:
        answer = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=MESSAGES)

    assert answer.retries_taken == 2
    assert [sent.status for sent in model.answers] == [*[wait.get("status", 429)] * 2, 200]


def test_should_retry_false_is_obeyed(model: OfflineModel) -> None:
    """With `should_retry=False` the client does not retry."""
    model.next(status=500, times=None, should_retry=False)

    with openai.OpenAI(base_url=model.url, api_key="offline") as client, pytest.raises(openai.InternalServerError):
        ask(client)

    assert len(model.requests) == 1


def test_script_is_followed_in_order(model: OfflineModel, client: openai.OpenAI) -> None:
    """Scripted faults and replies are used in order; None is a usual answer."""
    model.script(Fault(status=500), None, Fault(status=503), "Scripted.")

    told: list[Any] = []
    for _ in range(5):
        try:
            told.append(ask(client))
        except openai.InternalServerError as error:
            told.append(error.status_code)

    assert told == [500, "one two three", 503, "Scripted.", "one two three"]


def test_clear_forgets(model: OfflineModel, client: openai.OpenAI) -> None:
    """`clear` removes faults, requests and answers."""
    model.next(status=500, times=None)
    with pytest.raises(openai.InternalServerError):
        ask(client)

    model.clear()

    assert model.requests == []
    assert model.answers == []
    assert ask(client) == "one two three"


def test_header_chooses_a_fault(model: OfflineModel) -> None:
    """A fault can be chosen by a header; each call fails `times` times and then works."""
    headers = {"X-Offline-Fault": "status=429,times=2,retry-after=0"}

    with openai.OpenAI(base_url=model.url, api_key="offline", max_retries=2, default_headers=headers) as client:
        texts = [ask(client), ask(client)]

    assert texts == ["one two three"] * 2
    assert [sent.status for sent in model.answers] == [429, 429, 200] * 2


def test_header_works_for_any_client(model: OfflineModel) -> None:
    """For a client that sends no count of its retries the server counts them."""
    body = {"model": "gpt-4o", "messages": MESSAGES}

    with httpx2.Client(headers={"X-Offline-Fault": "status=503,times=2"}) as client:
        answers = [client.post(f"{model.url}/chat/completions", json=body) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]


def test_model_name_chooses_a_fault(client: openai.OpenAI) -> None:
    """A fault can be chosen after `#` in the model's name."""
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="gpt-4o-mini#status=429", messages=MESSAGES)

    completion = client.chat.completions.create(model="gpt-4o-mini#delay=0.001", messages=MESSAGES)

    assert completion.model == "gpt-4o-mini-2024-07-18"


def test_unknown_fault_is_refused(client: openai.OpenAI) -> None:
    """An unknown fault is answered with an error that says what to write."""
    with pytest.raises(openai.BadRequestError, match="There is no fault 'statu'; write one of"):
        ask(client, extra_headers={"X-Offline-Fault": "statu=429"})


def test_delay_makes_the_client_time_out(model: OfflineModel, client: openai.OpenAI) -> None:
    """A client that waits for less than the delay times out, and the server notices that it left."""
    model.next(delay=60)

    with pytest.raises(openai.APITimeoutError):
        ask(client, timeout=0.2)

    assert wait_for_end(model) == "client_left"


@pytest.mark.parametrize("fault", [{"first_chunk_delay": 60}, {"chunk_delay": 60}])
def test_stream_that_stalls_times_out(model: OfflineModel, client: openai.OpenAI, fault: dict[str, Any]) -> None:
    """A stream can stall before its first event or between events."""
    model.next(**fault)
    texts: list[str] = []

    with pytest.raises(CUT):
        stream(client, texts, timeout=0.2)

    assert texts == ([] if "first_chunk_delay" in fault else [""])
    assert wait_for_end(model) == "client_left"


@pytest.mark.parametrize("reset", [False, True])
def test_cut_before_headers(model: OfflineModel, client: openai.OpenAI, reset: bool) -> None:
    """The connection can end before the headers, by closing or by a reset."""
    model.next(cut="headers", reset=reset)

    with pytest.raises(openai.APIConnectionError):
        ask(client)

    assert (wait_for_end(model), model.answers[0].status) == ("cut", None)


def test_cut_before_headers_is_retried(model: OfflineModel) -> None:
    """After a cut before the headers the client's retry works."""
    model.next(cut="headers")

    with openai.OpenAI(base_url=model.url, api_key="offline", max_retries=1) as client:
        assert ask(client) == "one two three"


def test_cut_inside_a_body(model: OfflineModel, client: openai.OpenAI) -> None:
    """A body can end before its announced length."""
    model.next(cut="body", after=20)

    with pytest.raises(openai.APIConnectionError):
        ask(client)

    assert wait_for_end(model) == "cut"
    assert len(model.answers[0].body) == 20


@pytest.mark.parametrize("reset", [False, True])
def test_cut_inside_a_stream(model: OfflineModel, client: openai.OpenAI, reset: bool) -> None:
    """A stream can break off after a chosen number of events."""
    model.next(cut="body", after=3, reset=reset)
    texts: list[str] = []

    with pytest.raises(CUT):
        stream(client, texts)

    assert reset or texts == ["", "one", " two"]
    assert len(model.answers[0].events) == 3


def test_stream_without_done(model: OfflineModel, client: openai.OpenAI) -> None:
    """A stream can end properly without its `[DONE]`."""
    model.next(without_done=True)
    texts: list[str] = []

    stream(client, texts)

    assert "".join(texts) == "one two three"
    assert b"[DONE]" not in model.answers[0].body


def test_responses_stream_without_its_last_event(model: OfflineModel, client: openai.OpenAI) -> None:
    """A Responses stream can end without `response.completed`."""
    model.next(without_done=True)

    *_, last = client.responses.create(model="gpt-4o", input="Hello", stream=True)

    assert last.type == "response.output_item.done"


def test_malformed_body(model: OfflineModel, client: openai.OpenAI) -> None:
    """A body can break off inside its JSON, with a correct length."""
    model.next(malformed=True)

    with pytest.raises(json.JSONDecodeError):
        ask(client)


def test_malformed_event(model: OfflineModel, client: openai.OpenAI) -> None:
    """An event of a stream can be broken JSON."""
    model.next(malformed=True, after=2)
    texts: list[str] = []

    with pytest.raises(json.JSONDecodeError):
        stream(client, texts)

    assert texts == ["", "one"]


def test_error_within_a_stream(model: OfflineModel, client: openai.OpenAI) -> None:
    """A stream that began well can end with an error event."""
    model.next(stream_error="Overloaded.", after=2)
    texts: list[str] = []

    with pytest.raises(openai.APIError, match=r"Overloaded\."):
        stream(client, texts)

    assert texts == ["", "one"]


def test_error_within_a_responses_stream(model: OfflineModel, client: openai.OpenAI) -> None:
    """A Responses stream has an error event of its own kind, and nothing after it."""
    model.next(stream_error="Overloaded.", after=3)

    *_, last = client.responses.create(model="gpt-4o", input="Hello", stream=True)

    assert last.type == "error"
    assert (last.message, last.sequence_number) == ("Overloaded.", 3)


@pytest.mark.parametrize("streamed", [False, True])
def test_gzip(model: OfflineModel, client: openai.OpenAI, streamed: bool) -> None:
    """Bodies and streams can be compressed."""
    model.next(gzip=True)
    texts: list[str] = []

    if streamed:
        stream(client, texts)
    else:
        texts.append(ask(client) or "")

    assert "".join(texts) == "one two three"
    assert model.answers[0].headers["content-encoding"] == "gzip"


def test_slow_bytes(model: OfflineModel, client: openai.OpenAI) -> None:
    """A body can be sent byte by byte, too slowly for the client."""
    model.next(bytes_per_second=1)

    with (
        pytest.raises(httpx2.ReadTimeout),
        client.chat.completions.with_streaming_response.create(
            model="gpt-4o", messages=MESSAGES, timeout=0.2
        ) as answer,
    ):
        answer.read()

    assert wait_for_end(model) == "client_left"


def test_slow_bytes_arrive_in_the_end(model: OfflineModel, client: openai.OpenAI) -> None:
    """A body that is sent slowly arrives whole."""
    model.next(bytes_per_second=1_000_000)

    assert ask(client) == "one two three"


def test_bad_requests_are_refused(model: OfflineModel, client: openai.OpenAI) -> None:
    """A request that the provider would refuse is refused, with the name of the parameter."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.post("/chat/completions", body={"model": "gpt-4o"}, cast_to=object)

    assert raised.value.param == "messages"


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/nothing", 404), ("GET", "/embeddings", 405)])
def test_unknown_paths_are_refused(model: OfflineModel, method: str, path: str, status: int) -> None:
    """An unknown path or method is refused with the provider's error object."""
    with httpx2.Client() as client:
        answer = client.request(method, f"{model.url}{path}")

    assert answer.status_code == status
    assert answer.json()["error"]["message"] == f"Invalid URL ({method} /v1{path})"


def wait_for_end(model: OfflineModel) -> str:
    """Wait for the only answer, and return how it ended."""
    (answer,) = eventually(lambda: model.answers)
    return answer.end
