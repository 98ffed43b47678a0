"""POST /embeddings: words are hashed into a unit vector, so texts that share words are near each other."""

from __future__ import annotations

import base64
import math
import re
import struct
from hashlib import sha256
from typing import Any

from baserun.testing._offline import names, tokens
from baserun.testing._offline.call import Call
from baserun.testing._offline.errors import RequestError, required
from baserun.testing._offline.exchange import Answer, Json, json_answer

DIMENSIONS = {"text-embedding-3-large": 3072}
USUAL_DIMENSIONS = 1536
MARKS_PER_WORD = 8  # each changes one place of the vector


async def create_embeddings(call: Call) -> Answer:
    """Embed texts."""
    body = call.body()
    model = call.model(body)
    texts = _texts(required(body, "input"))
    size = int(body.get("dimensions") or DIMENSIONS.get(model, USUAL_DIMENSIONS))
    used = sum(tokens.count(text) for text in texts)
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector(text, size), body)}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": used, "total_tokens": used}
    return json_answer({"object": "list", "data": data, "model": names.snapshot(model), "usage": usage})


def vector(text: str, size: int) -> list[float]:
    """Return the embedding of `text`: a vector of length one, with `size` dimensions."""
    place = [0.0] * size
    for word in re.findall(r"\w+", text.lower()) or [text]:
        digest = sha256(word.encode(errors="surrogatepass")).digest()
        for mark in struct.unpack(f"<{MARKS_PER_WORD}I", digest):
            place[(mark >> 1) % size] += 1.0 if mark & 1 else -1.0
    length = math.sqrt(sum(value * value for value in place))
    return [value / length for value in place] if length else [1.0, *place[1:]]


def _texts(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not given:
        raise RequestError("Invalid 'input': expected a string or a non-empty array.", param="input")
    if isinstance(given[0], int):
        return [" ".join(map(str, given))]
    return [text if isinstance(text, str) else " ".join(map(str, text)) for text in given]


def _encoded(place: list[float], body: Json) -> list[float] | str:
    if body.get("encoding_format") != "base64":
        return place
    return base64.b64encode(struct.pack(f"<{len(place)}f", *place)).decode()
