"""POST /moderations: a few keywords decide."""

from __future__ import annotations

import re
from typing import Any

from baserun.testing._offline.call import Call
from baserun.testing._offline.errors import required
from baserun.testing._offline.exchange import Answer, Json, json_answer

CATEGORIES = {
    "harassment": ("idiot", "stupid"),
    "harassment/threatening": (),
    "hate": ("hate",),
    "hate/threatening": (),
    "illicit": ("steal",),
    "illicit/violent": ("bomb",),
    "self-harm": ("suicide",),
    "self-harm/instructions": (),
    "self-harm/intent": (),
    "sexual": ("porn",),
    "sexual/minors": (),
    "violence": ("kill", "bomb", "attack"),
    "violence/graphic": (),
}
WITH_IMAGES = frozenset(
    {"self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "violence", "violence/graphic"}
)
CERTAIN = 0.98
UNLIKELY = 0.00001


async def create_moderation(call: Call) -> Answer:
    """Judge texts and images."""
    body = call.body()
    inputs = _inputs(required(body, "input"))
    head = {"id": call.ids.letters("modr-", 29), "model": call.model({"model": "omni-moderation-latest", **body})}
    return json_answer({**head, "results": [_judged(text, images) for text, images in inputs]})


def _inputs(given: Any) -> list[tuple[str, bool]]:
    """Return the text of each input, and whether it has images."""
    if isinstance(given, str):
        return [(given, False)]
    if all(isinstance(text, str) for text in given):
        return [(text, False) for text in given]
    texts = " ".join(part.get("text") or "" for part in given)
    return [(texts, any(part.get("type") == "image_url" for part in given))]


def _judged(text: str, has_images: bool) -> Json:
    said = set(re.findall(r"\w+", text.lower()))
    found = {category: bool(said & set(words)) for category, words in CATEGORIES.items()}
    kinds = {
        category: ["text", "image"] if has_images and category in WITH_IMAGES else ["text"] for category in CATEGORIES
    }
    return {
        "flagged": any(found.values()),
        "categories": found,
        "category_scores": {category: CERTAIN if hit else UNLIKELY for category, hit in found.items()},
        "category_applied_input_types": kinds,
    }
