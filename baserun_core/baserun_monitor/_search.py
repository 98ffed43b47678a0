"""The search page."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from baserun.store import Page, SearchHit, Store
from baserun_monitor._lists import Listing
from baserun_monitor._site import Visit

A_PAGE = 30


@dataclass(frozen=True)
class Found:
    """A hit, as it is shown."""

    hit: SearchHit
    pieces: list[tuple[str, bool]]
    """The parts of its snippet, and whether each is a searched word."""
    later: int
    """How many later calls of its session on this page sent the same along."""


def _read(store: Store, *, text: str = "", sort: str | None = None, **asked: Any) -> Page[SearchHit]:
    """Read the hits, which have one order only; without words there are none."""
    return store.search(text, **asked) if text else Page(items=[])


def _context(visit: Visit, page: Page[SearchHit]) -> dict[str, Any]:
    text = visit.params.get("text", "")
    words = [word.strip('"*') for word in text.split() if word.strip('"*')]
    hits = [Found(hit, _marked(hit.snippet, words), times - 1) for hit, times in _gathered(page)]
    return {"hits": hits, "is_continued": bool(visit.params.get("after"))}


SEARCH = Listing(
    "search", "search.html", ("text", "user"), ("started",), _read,
    ("started_at", "user_identifier", "session_id", "trace_id", "span_id", "snippet"),
    a_page=A_PAGE, context=_context,
)  # fmt: skip
index, narrow = SEARCH.index, SEARCH.narrow


def _gathered(page: Page[SearchHit]) -> list[tuple[SearchHit, int]]:
    """Merge consecutive hits of one session to the earliest: each call repeats the conversation.

    With it comes the number of hits of its session on the page so far: itself, and later ones.
    """
    found: list[tuple[SearchHit, int]] = []
    times: Counter[str] = Counter()
    for hit in page.items:
        if hit.session_id is None:
            found.append((hit, 1))
            continue
        times[hit.session_id] += 1
        if found and found[-1][0].session_id == hit.session_id:
            found.pop()
        found.append((hit, times[hit.session_id]))
    return found


def _marked(text: str, words: list[str]) -> list[tuple[str, bool]]:
    """Split a text at the searched words; of each piece return whether it is one."""
    if not words:
        return [(text, False)]
    found = re.split(f"({'|'.join(re.escape(word) for word in words)})", text, flags=re.IGNORECASE)
    return [(piece, at % 2 == 1) for at, piece in enumerate(found) if piece]
