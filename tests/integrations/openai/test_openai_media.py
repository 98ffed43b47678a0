"""Completions, embeddings, images, audio and moderations: recorded without binary payloads."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import openai
import pytest

import baserun
from baserun.testing import Captured, OfflineModel

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.mark.parametrize("is_stream", [False, True])
def test_completion(client: openai.OpenAI, offline: OfflineModel, captured: Captured, is_stream: bool) -> None:
    """A legacy completion is one record with its prompt and its text."""
    answer = client.completions.create(model="gpt-3.5-turbo-instruct", prompt='Say "a b"', stream=is_stream)
    if isinstance(answer, openai.Stream):
        list(answer)

    (call,) = captured.calls
    sent = offline.answers[-1]
    texts = [part["choices"][0]["text"] for part in (sent.events if is_stream else [sent.json]) if part["choices"]]
    assert (call.operation, call.kind, call.stream) == ("text_completion", "llm", is_stream)
    assert (call.input, call.output) == ('Say "a b"', [{"text": "".join(texts)}])
    assert call.finish_reasons == ["stop"]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(client: openai.OpenAI, offline: OfflineModel, captured: Captured, encoding: Any) -> None:
    """For embeddings their number and dimensions are recorded, and no vector."""
    client.embeddings.create(model="text-embedding-3-small", input=["a", "b"], encoding_format=encoding, dimensions=8)

    (call,) = captured.calls
    assert (call.kind, call.operation, call.input) == ("embedding", "embeddings", ["a", "b"])
    assert call.output == {"embeddings": 2, "dimensions": 8}
    assert call.usage is not None
    assert call.usage.input_tokens == offline.answers[-1].json["usage"]["prompt_tokens"]


def test_image(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """A generated picture is recorded by its size and hash."""
    client.images.generate(model="gpt-image-1", prompt="A cat")

    (call,) = captured.calls
    picture = base64.b64decode(offline.answers[-1].json["data"][0]["b64_json"])
    assert (call.kind, call.operation, call.input) == ("image", "image_generation", "A cat")
    assert call.output[0]["image"]["sha256"] == sha256(picture).hexdigest()
    assert call.output[0]["image"]["size"] == len(picture)


def test_image_edit(client: openai.OpenAI, captured: Captured) -> None:
    """An uploaded picture is recorded by name, type, size and hash, with the prompt."""
    client.images.edit(model="gpt-image-1", prompt="Add a hat", image=("cat.png", PNG, "image/png"), user="u-1")

    (call,) = captured.calls
    described = {"name": "cat.png", "type": "image/png", "size": len(PNG), "sha256": sha256(PNG).hexdigest()}
    assert (call.operation, call.request_model, call.end_user) == ("image_edit", "gpt-image-1", "u-1")
    assert call.input == {"prompt": "Add a hat", "image": described}


def test_speech(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """Speech is recorded with its text and the size and hash of the sound."""
    client.audio.speech.create(model="tts-1", voice="alloy", input="Hello")

    (call,) = captured.calls
    sound = offline.answers[-1].body
    assert (call.kind, call.operation, call.input) == ("audio", "speech", "Hello")
    assert (call.output["size"], call.output["sha256"]) == (len(sound), sha256(sound).hexdigest())
    assert call.parameters == {"voice": "alloy"}


def test_speech_streamed(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """Sound that is read in pieces is recorded by its size and hash too."""
    create = client.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="alloy", input="Hello") as response:
        sound = b"".join(response.iter_bytes())

    (call,) = captured.calls
    assert (call.output["size"], call.output["sha256"]) == (len(sound), sha256(sound).hexdigest())
    assert (call.stream, call.stream_end) == (False, None)


def test_broken_sound_in_a_stream(answering: Callable[..., openai.OpenAI], captured: Captured) -> None:
    """If a piece of sound is not base64, usage and size are still recorded."""
    usage = {"input_tokens": 3, "output_tokens": 4}
    events: list[dict[str, Any]] = [
        {"type": "speech.audio.delta", "audio": "UklGR"},
        {"type": "speech.audio.done", "usage": usage},
    ]
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)

    with answering(body, content_type="text/event-stream") as client:
        client.audio.speech.create(model="tts-1", voice="alloy", input="Hi", stream_format="sse").read()

    (call,) = captured.calls
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.output_tokens) == (3, 4)
    assert call.output["size"] == 5


def test_long_sound(http: ModuleType, captured: Captured) -> None:
    """For a body that is too long to be kept only the size is recorded, and the caller gets all of it."""
    chunk = bytes(1024 * 1024)

    def answer(request: Any) -> Any:
        return http.Response(200, headers={"content-type": "audio/mpeg"}, stream=Chunks())

    class Chunks(http.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(20):
                yield chunk

    client = openai.OpenAI(api_key="x", http_client=http.Client(transport=http.MockTransport(answer)))
    create = client.audio.speech.with_streaming_response.create
    with client, create(model="tts-1", voice="alloy", input="Hi") as response:
        got = sum(len(part) for part in response.iter_bytes())

    (call,) = captured.calls
    assert got == 20 * len(chunk)
    assert call.output == {"type": "audio/mpeg", "size": got}


def test_transcription(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """A transcription is recorded with the audio file's name and size, and the text."""
    recording = io.BytesIO(b"RIFF" + bytes(100))
    recording.name = "hello.wav"

    client.audio.transcriptions.create(model="gpt-4o-transcribe", file=recording, prompt="Names")

    (call,) = captured.calls
    assert (call.operation, call.request_model) == ("transcription", "gpt-4o-transcribe")
    assert call.input == {"file": {"name": "hello.wav", "size": 104}, "prompt": "Names"}
    assert call.output["text"] == offline.answers[-1].json["text"]


@pytest.mark.parametrize("is_in_memory", [False, True])
def test_file_that_is_closed_before_the_stream_ends(
    client: openai.OpenAI, captured: Captured, tmp_path: Path, is_in_memory: bool
) -> None:
    """An uploaded file that is closed before the answer is read is still recorded by name and size."""
    path = tmp_path / "hello.wav"
    path.write_bytes(b"RIFF")
    with io.BytesIO(b"RIFF") if is_in_memory else path.open("rb") as file:
        given: Any = ("hello.wav", file)
        stream = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=given, stream=True)
    list(stream)

    (call,) = captured.calls
    assert call.input == {"file": {"name": "hello.wav", "size": 4}}
    assert call.stream_end == "complete"


def test_form_of_a_request_that_was_read(http: ModuleType, captured: Captured) -> None:
    """A form is recorded with its fields also if the transport has already read it into memory."""

    def answer(request: Any) -> Any:
        assert request.content  # like mocking libraries and logging transports
        return http.Response(200, json={"text": "Hello"})

    with openai.OpenAI(api_key="x", http_client=http.Client(transport=http.MockTransport(answer))) as client:
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"), language="en")

    (call,) = captured.calls
    described = {"name": "a.wav", "size": 4, "sha256": sha256(b"RIFF").hexdigest()}
    assert (call.request_model, call.input, call.parameters) == ("whisper-1", {"file": described}, {"language": "en"})


def test_moderation(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """A moderation is recorded with its results."""
    client.moderations.create(input="I love you")

    (call,) = captured.calls
    answer = offline.answers[-1].json
    assert (call.kind, call.operation, call.input) == ("moderation", "moderation", "I love you")
    assert (call.output, call.response_id) == (answer["results"], answer["id"])


def test_a_session_lacks_the_cost_of_speech_and_not_of_moderation(client: openai.OpenAI, captured: Captured) -> None:
    """The tokens of speech are not told, so the sum lacks it; a moderation is free, so the sum has all of it."""
    with baserun.with_session("ada"):
        client.moderations.create(input="I love you")
        with pytest.raises(openai.BadRequestError):
            client.post("/moderations", cast_to=object, body={"input": None})
    assert captured.flush()
    (moderated,) = captured.store.users().items

    with baserun.with_session("ben"):
        client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hi")
    with baserun.with_session("ben"):
        created = client.responses.create(model="gpt-4o-mini", input="Hi")
        client.responses.retrieve(created.id)
    assert captured.flush()
    (spoken,) = captured.store.users(user="ben").items

    assert (moderated.llm_calls, moderated.cost_usd, moderated.unpriced_calls) == (0, Decimal(0), 0)
    assert spoken.cost_usd == next(call.cost_usd for call in captured.calls if call.kind == "llm")
    assert (spoken.llm_calls, spoken.unpriced_calls) == (2, 1)


def test_other_requests(client: openai.OpenAI, captured: Captured) -> None:
    """A request that runs no model is not recorded."""
    client.models.list()

    assert captured.calls == []


def test_inline_picture(client: openai.OpenAI, captured: Captured) -> None:
    """A picture inside a message is recorded by its hash and not stored."""
    url = f"data:image/png;base64,{base64.b64encode(PNG * 50).decode()}"
    content: Any = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]

    client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": content}])

    (call,) = captured.calls
    assert call.input[0]["content"][1]["image_url"]["url"]["sha256"] == sha256(PNG * 50).hexdigest()


def test_retrieved_response(client: openai.OpenAI, captured: Captured) -> None:
    """Retrieving a response is recorded, and its tokens are not counted again."""
    created = client.responses.create(model="gpt-4o-mini", input="Hi")

    client.responses.retrieve(created.id)

    first, again = captured.calls
    assert first.usage is not None
    assert (again.operation, again.response_id, again.usage) == ("retrieve_response", created.id, None)
    assert again.output == first.output


def test_background_response(client: openai.OpenAI, captured: Captured) -> None:
    """The tokens of a response that ran in the background are counted once, when it is first retrieved."""
    created = client.responses.create(model="gpt-4o-mini", input="Hi", background=True)

    for _ in range(3):
        client.responses.retrieve(created.id)

    usages = [call.usage for call in captured.calls]
    assert len(usages) == 4
    assert sum(usage is not None for usage in usages) == 1
