"""POST /audio/...: speech is silence with its text embedded, so that it can be transcribed again."""

from __future__ import annotations

import base64
from typing import Any

from baserun.testing._offline import tokens
from baserun.testing._offline.call import Call
from baserun.testing._offline.errors import RequestError, required
from baserun.testing._offline.exchange import Answer, Json, data_events, json_answer, named_events
from baserun.testing._offline.form import Form, read_form
from baserun.testing._offline.sound import CONTENT_TYPES, seconds, speech, words_of

SOUND_PIECE = 4096  # bytes of sound in one event


async def create_speech(call: Call) -> Answer:
    """Turn a text into speech, whole or as a stream."""
    body = call.body()
    call.model(body)
    text, form = str(required(body, "input")), body.get("response_format") or "mp3"
    required(body, "voice")
    if form not in CONTENT_TYPES:
        raise RequestError(f"Invalid value: '{form}'. Supported values are {', '.join(CONTENT_TYPES)}.")
    sound = speech(text, form)
    if body.get("stream_format") == "sse":
        return named_events(_speech_events(text, sound))
    return Answer(content_type=CONTENT_TYPES[form], body=sound)


async def create_transcription(call: Call) -> Answer:
    """Transcribe a file."""
    return _written(call, task="transcribe")


async def create_translation(call: Call) -> Answer:
    """Transcribe a file in English."""
    return _written(call, task="translate")


def _speech_events(text: str, sound: bytes) -> list[Json]:
    pieces = [sound[start : start + SOUND_PIECE] for start in range(0, len(sound), SOUND_PIECE)]
    deltas: list[Json] = [{"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in pieces]
    asked, said = tokens.count(text), tokens.count(text) * 4
    usage = {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said}
    return [*deltas, {"type": "speech.audio.done", "usage": usage}]


def _written(call: Call, *, task: str) -> Answer:
    form = read_form(call.request)
    model = call.model(form.fields)
    file = form.file("file")
    text = words_of(file.content) or f"This is what is said in {file.name}."
    if form.fields.get("stream") == "true":
        return data_events(_transcript_events(text))
    return _formatted(form, model, text, task)


def _formatted(form: Form, model: str, text: str, task: str) -> Answer:
    length = seconds(text)
    match form.fields.get("response_format", "json"):
        case "text":
            return Answer(content_type="text/plain; charset=utf-8", body=f"{text}\n".encode())
        case "srt":
            return _plain(f"1\n{_clock(0, ',')} --> {_clock(length, ',')}\n{text}\n\n")
        case "vtt":
            return _plain(f"WEBVTT\n\n{_clock(0, '.')} --> {_clock(length, '.')}\n{text}\n\n")
        case "verbose_json":
            return json_answer(_verbose(form, text, task))
        case _:
            return json_answer({"text": text} if task == "translate" else {"text": text, "usage": _usage(model, text)})


def _plain(text: str) -> Answer:
    return Answer(content_type="text/plain; charset=utf-8", body=text.encode())


def _verbose(form: Form, text: str, task: str) -> Json:
    length = seconds(text)
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": length,
        "text": text,
        "tokens": list(range(tokens.count(text))),
        "temperature": 0.0,
        "avg_logprob": -0.1,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.01,
    }
    language = "english" if task == "translate" else form.fields.get("language", "english")
    verbose: Json = {"task": task, "language": language, "duration": length, "text": text, "segments": [segment]}
    if "word" in form.fields.get("timestamp_granularities[]", ""):
        verbose["words"] = _words(text)
    if task == "transcribe":
        verbose["usage"] = {"type": "duration", "seconds": length}
    return verbose


def _words(text: str) -> list[Json]:
    words = text.split()
    step = seconds(text) / max(1, len(words))
    return [
        {"word": word, "start": round(index * step, 3), "end": round((index + 1) * step, 3)}
        for index, word in enumerate(words)
    ]


def _usage(model: str, text: str) -> Json:
    if model == "whisper-1":
        return {"type": "duration", "seconds": seconds(text)}
    heard, said = tokens.count(text) * 4, tokens.count(text)
    details = {"text_tokens": 0, "audio_tokens": heard}
    counts = {"input_tokens": heard, "output_tokens": said, "total_tokens": heard + said}
    return {"type": "tokens", **counts, "input_token_details": details}


def _transcript_events(text: str) -> list[Json]:
    deltas: list[Any] = [{"type": "transcript.text.delta", "delta": piece} for piece in tokens.split(text)]
    return [*deltas, {"type": "transcript.text.done", "text": text, "usage": _usage("gpt-4o-transcribe", text)}]


def _clock(moment: float, separator: str) -> str:
    whole, milliseconds = divmod(round(moment * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{separator}{milliseconds:03}"
