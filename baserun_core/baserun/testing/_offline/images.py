"""POST /images/...: a small image of one colour, which depends on the prompt."""

from __future__ import annotations

import base64
import struct
import zlib
from hashlib import sha256

from baserun.testing._offline import tokens
from baserun.testing._offline.call import Call
from baserun.testing._offline.errors import RequestError, required
from baserun.testing._offline.exchange import Answer, Json, json_answer, named_events
from baserun.testing._offline.form import read_form

SIDE = 16  # pixels, whatever size is requested
OUTPUT_TOKENS = 272
MOST_IMAGES = 10


async def create_image(call: Call) -> Answer:
    """Generate images for a prompt."""
    body = call.body()
    return _drawn(call, body, str(required(body, "prompt")), "image_generation")


async def edit_image(call: Call) -> Answer:
    """Edit uploaded images."""
    form = read_form(call.request)
    form.file("image")
    body = {**form.fields, "stream": form.fields.get("stream") == "true"}
    return _drawn(call, body, str(required(body, "prompt")), "image_edit")


async def vary_image(call: Call) -> Answer:
    """Make variations of an uploaded image."""
    form = read_form(call.request)
    return _drawn(call, form.fields, sha256(form.file("image").content).hexdigest(), "image_variation")


async def show_image(call: Call) -> Answer:
    """Return an image that an answer linked to."""
    try:
        colour = bytes.fromhex(call.parts["colour"])
    except ValueError:
        colour = b""
    if len(colour) != 3:
        raise RequestError(f"No such image: {call.parts['colour']}", status=404)
    return Answer(content_type="image/png", body=png(colour))


def png(colour: bytes) -> bytes:
    """Return a square PNG image of one colour, given as red, green and blue."""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + colour * SIDE) * SIDE)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _drawn(call: Call, body: Json, prompt: str, kind: str) -> Answer:
    model = call.model({"model": "dall-e-2", **body})
    count = min(int(body.get("n") or 1), MOST_IMAGES)
    colours = [sha256(f"{prompt}:{index}".encode()).digest()[:3] for index in range(count)]
    if body.get("stream"):
        return named_events(_events(call, body, prompt, kind, colours[0]))
    answer: Json = {"created": call.now, "data": [_image(call, body, model, colour) for colour in colours]}
    if not model.startswith("dall-e"):
        answer |= {**_look(body), "usage": _usage(prompt, count)}
    return json_answer(answer)


def _image(call: Call, body: Json, model: str, colour: bytes) -> Json:
    if model.startswith("dall-e") and body.get("response_format") != "b64_json":
        return {"url": f"{call.shared.url}/offline/images/{colour.hex()}.png"}
    return {"b64_json": base64.b64encode(png(colour)).decode()}


def _look(body: Json) -> Json:
    asked = {"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"}
    return {key: usual if body.get(key) in (None, "auto") else body[key] for key, usual in asked.items()}


def _usage(prompt: str, count: int) -> Json:
    asked, drawn = tokens.count(prompt), OUTPUT_TOKENS * count
    return {
        "input_tokens": asked,
        "input_tokens_details": {"text_tokens": asked, "image_tokens": 0},
        "output_tokens": drawn,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": drawn},
        "total_tokens": asked + drawn,
    }


def _events(call: Call, body: Json, prompt: str, kind: str, colour: bytes) -> list[Json]:
    head = {"created_at": call.now, "b64_json": base64.b64encode(png(colour)).decode(), **_look(body)}
    partial = [
        {"type": f"{kind}.partial_image", "partial_image_index": index, **head}
        for index in range(int(body.get("partial_images") or 0))
    ]
    return [*partial, {"type": f"{kind}.completed", **head, "usage": _usage(prompt, 1)}]
