"""Silent audio with the text that it stands for embedded."""

from __future__ import annotations

import struct

from baserun.testing._offline import tokens

RATE = 8000  # samples a second, one byte each
SECONDS_PER_TOKEN = 0.05
MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # a silent frame of 26 ms
MARK = b"OFFLINE-TEXT:"
CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
OPENINGS = {"opus": b"OggS", "aac": b"\xff\xf1", "flac": b"fLaC", "pcm": b""}


def speech(text: str, form: str) -> bytes:
    """Return silence in this format, with `text` embedded."""
    if form == "wav":
        return wav(text)
    if form == "mp3":
        return MP3_FRAME * max(1, int(seconds(text) / 0.026)) + MARK + text.encode()
    return OPENINGS[form] + bytes(int(seconds(text) * RATE)) + MARK + text.encode()


def wav(text: str) -> bytes:
    """Return a valid WAV file of silence, with `text` embedded."""
    samples = b"\x80" * int(seconds(text) * RATE)
    note = MARK + text.encode(errors="replace")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE, 1, 8)
    chunks = form + _chunk(b"data", samples) + _chunk(b"note", note)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


def words_of(sound: bytes) -> str | None:
    """Return the text embedded in audio of ours; None for any other file."""
    _, mark, words = sound.rpartition(MARK)
    return words.rstrip(b"\0").decode(errors="replace") if mark else None


def seconds(text: str) -> float:
    """Return how long it takes to speak `text`, in seconds."""
    return round(max(1, tokens.count(text)) * SECONDS_PER_TOKEN, 3)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2)
