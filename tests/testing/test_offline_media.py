"""The other endpoints of the offline model: completions, embeddings, images, audio, moderations, models."""

from __future__ import annotations

import base64
import io
import math
import struct
import urllib.error
import urllib.request
import wave
import zlib
from typing import Any

import openai
import pytest
from openai.types import Completion, ModerationCreateResponse

from baserun.testing import OfflineModel


def cosine(one: list[float], other: list[float]) -> float:
    """Return the cosine similarity of two unit vectors."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def read_png(data: bytes) -> tuple[int, int]:
    """Check the checksums of a PNG, and return its width and height."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    position = 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        body = data[position + 4 : position + 8 + length]
        assert struct.unpack_from(">I", data, position + 8 + length)[0] == zlib.crc32(body)
        position += 12 + length
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def test_completes(model: OfflineModel, client: openai.OpenAI) -> None:
    """Legacy completions answer every prompt, with at most 16 tokens by default."""
    completion = client.completions.create(model="gpt-3.5-turbo-instruct", prompt=['Say "a"', "Count to 50"])

    assert [choice.text for choice in completion.choices] == ["a", " ".join(str(number) for number in range(1, 17))]
    assert [choice.finish_reason for choice in completion.choices] == ["stop", "length"]
    Completion.model_validate(model.answers[0].json, strict=True)


def test_streams_a_completion(client: openai.OpenAI) -> None:
    """Legacy completions stream text, then the finish reason, then usage on request."""
    *chunks, usage = client.completions.create(
        model="gpt-3.5-turbo-instruct", prompt='Say "a b"', stream=True, stream_options={"include_usage": True}
    )

    assert "".join(chunk.choices[0].text for chunk in chunks) == "a b"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert usage.usage is not None
    assert usage.usage.completion_tokens == 2


def test_completion_gives_log_probabilities(client: openai.OpenAI) -> None:
    """Legacy log probabilities have each token and its offset."""
    completion = client.completions.create(model="gpt-3.5-turbo-instruct", prompt='Say "a bc d"', logprobs=1)

    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert (logprobs.tokens, logprobs.text_offset) == (["a", " bc", " d"], [0, 1, 4])


@pytest.mark.parametrize(("name", "size"), [("text-embedding-3-small", 1536), ("text-embedding-3-large", 3072)])
def test_embeds(client: openai.OpenAI, name: str, size: int) -> None:
    """Embeddings are unit vectors of the model's size; texts that share words are nearer."""
    answer = client.embeddings.create(model=name, input=["a red car", "the red car", "stock prices"])

    car, same, other = (item.embedding for item in answer.data)
    assert len(car) == size
    assert math.isclose(cosine(car, car), 1, rel_tol=1e-5)
    assert cosine(car, same) > 0.4 > cosine(car, other)
    assert answer.usage.prompt_tokens == 8


def test_floats_and_base64_agree(client: openai.OpenAI) -> None:
    """Both encodings of an embedding have the same vector."""
    options: Any = {"model": "text-embedding-3-small", "input": "hello world", "dimensions": 8}

    floats = client.embeddings.create(**options, encoding_format="float").data[0].embedding
    packed: Any = client.embeddings.create(**options, encoding_format="base64").data[0].embedding

    assert list(struct.unpack("<8f", base64.b64decode(packed))) == pytest.approx(floats)


def test_draws(client: openai.OpenAI) -> None:
    """Images are valid PNGs, the same for the same prompt only, with usage."""
    pictures = [
        client.images.generate(model="gpt-image-1", prompt=prompt, n=2) for prompt in ("a cat", "a cat", "a dog")
    ]

    cat, same, dog = ((picture.data or [])[0].b64_json or "" for picture in pictures)
    assert cat == same != dog
    assert read_png(base64.b64decode(cat)) == (16, 16)
    assert pictures[0].usage is not None
    assert pictures[0].usage.output_tokens == 2 * 272


def test_links_to_a_drawing(client: openai.OpenAI) -> None:
    """Older models answer with a URL of the image."""
    image = (client.images.generate(model="dall-e-3", prompt="a cat").data or [])[0]

    assert image.url is not None
    with urllib.request.urlopen(image.url) as answer:
        assert read_png(answer.read()) == (16, 16)


def test_streams_a_drawing(client: openai.OpenAI) -> None:
    """A streamed image comes after the requested number of partial images."""
    events = list(client.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=2))

    kinds = [event.type for event in events]
    assert kinds == [*["image_generation.partial_image"] * 2, "image_generation.completed"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_edits_and_varies(client: openai.OpenAI) -> None:
    """Uploaded images can be edited and varied."""
    picture = ("cat.png", b"\x89PNG any bytes \r\n-- at all", "image/png")

    edited = client.images.edit(model="gpt-image-1", image=picture, prompt="a hat")
    varied = client.images.create_variation(image=picture, response_format="b64_json")

    assert all(read_png(base64.b64decode((answer.data or [])[0].b64_json or "")) for answer in (edited, varied))


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_speaks_and_understands(client: openai.OpenAI, form: Any) -> None:
    """Speech in any format can be transcribed again."""
    sound = client.audio.speech.create(model="tts-1", voice="alloy", input="good morning", response_format=form)

    heard = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=(f"a.{form}", sound.content))

    assert heard.text == "good morning"


def test_speech_is_a_wave_file(client: openai.OpenAI) -> None:
    """Speech as WAV is a valid WAV file."""
    sound = client.audio.speech.create(model="tts-1", voice="alloy", input="a b", response_format="wav")

    with wave.open(io.BytesIO(sound.content)) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 800)


def test_streams_speech(client: openai.OpenAI) -> None:
    """Speech can be streamed as events."""
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="hello", stream_format="sse"
    ) as answer:
        text = answer.read().decode()

    assert "event: speech.audio.delta" in text
    assert "event: speech.audio.done" in text


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_transcribes_to_text(client: openai.OpenAI, form: Any) -> None:
    """The plain formats of a transcript have its words."""
    heard: Any = client.audio.transcriptions.create(
        model="whisper-1", file=("talk.mp3", b"anything"), response_format=form
    )

    assert "This is what is said in talk.mp3." in heard


def test_transcribes_verbosely(client: openai.OpenAI) -> None:
    """The verbose format has the words, and the duration as usage."""
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=("talk.mp3", b"anything"),
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )

    assert [word.word for word in heard.words or ()] == ["This", "is", "what", "is", "said", "in", "talk.mp3."]
    assert heard.usage is not None
    assert heard.usage.seconds == heard.duration


def test_streams_a_transcript(client: openai.OpenAI) -> None:
    """A transcript can be streamed as deltas and a final event with usage."""
    *deltas, done = client.audio.transcriptions.create(
        model="gpt-4o-transcribe", file=("talk.mp3", b"anything"), stream=True
    )

    assert done.type == "transcript.text.done"
    assert "".join(event.delta for event in deltas if event.type == "transcript.text.delta") == done.text
    assert done.usage is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_translates(client: openai.OpenAI) -> None:
    """A translation has the text of the file."""
    heard: Any = client.audio.translations.create(model="whisper-1", file=("talk.mp3", b"anything"))

    assert heard.text == "This is what is said in talk.mp3."


def test_upload_without_file_is_refused(model: OfflineModel) -> None:
    """A form without its file is refused, with the name of the parameter."""
    request = urllib.request.Request(
        f"{model.url}/audio/transcriptions",
        data=b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x--\r\n',
        headers={"content-type": "multipart/form-data; boundary=x"},
    )

    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)

    with raised.value as answer:
        assert b"Missing required parameter: 'file'." in answer.read()


def test_moderates(model: OfflineModel, client: openai.OpenAI) -> None:
    """Each input is moderated by its words."""
    answer = client.moderations.create(input=["have a nice day", "I will kill the process"])

    assert [result.flagged for result in answer.results] == [False, True]
    assert answer.results[1].categories.violence
    ModerationCreateResponse.model_validate(model.answers[0].json)


def test_moderates_images(client: openai.OpenAI) -> None:
    """Content parts are moderated together, and the result names the kinds of input."""
    parts: Any = [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "https://example.com"}}]

    (result,) = client.moderations.create(input=parts).results

    assert result.category_applied_input_types.violence == ["text", "image"]


def test_lists_models(client: openai.OpenAI) -> None:
    """Known models are listed, and any model can be retrieved."""
    names = [one.id for one in client.models.list()]

    assert "gpt-4o-mini" in names
    assert client.models.retrieve("ft:mine").id == "ft:mine"
