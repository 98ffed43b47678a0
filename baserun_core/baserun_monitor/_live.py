"""Telling a page that is open that something was written, by whichever process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from baserun.store import Store
from baserun_monitor._exchange import Response
from baserun_monitor._site import Visit

LOOK_EVERY = 0.5
BEAT_EVERY = 10.0
"""Seconds; a page that hears nothing for longer says that the connection is broken."""
LOOK_AGAIN_MS = 2000
"""For servers that give each connection a thread of its own: the browser comes back after so long."""
LONGEST = 15 * 60.0
"""Then the browser comes back by itself; nothing is kept for those who are gone without a word."""


class Live:
    """News of a store since a page was made."""

    def __init__(self, store: Store, seen: str) -> None:
        self._store = store
        self._seen = seen

    def once(self) -> bytes:
        """One look; the browser asks again."""
        news = self._look()
        return f"retry: {LOOK_AGAIN_MS}\n\n".encode() + (news or b"event: beat\ndata: pause\n\n")

    async def stream(self) -> AsyncIterator[bytes]:
        """Look until the visitor is gone."""
        yield b"retry: 1000\n\nevent: beat\ndata: follow\n\n"
        started = heard = time.monotonic()
        while (now := time.monotonic()) - started < LONGEST:
            news = self._look()
            if news is not None:
                heard = now
                yield news
            elif now - heard >= BEAT_EVERY:
                heard = now
                yield b"event: beat\ndata: follow\n\n"
            await asyncio.sleep(LOOK_EVERY)
        yield b"event: beat\ndata: pause\n\n"

    def _look(self) -> bytes | None:
        state = self._store.state()
        if state == self._seen:
            return None
        self._seen = state
        return f"id: {state}\nevent: news\ndata: {state}\n\n".encode()


def follow(visit: Visit) -> Response:
    """Server-sent events: ``news`` when something was written since ``seen``."""
    seen = visit.request.headers.get("last-event-id") or visit.params.get("seen", "")
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    return Response(Live(visit.store, seen), 200, headers)
