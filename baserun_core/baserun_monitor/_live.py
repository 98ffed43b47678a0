"""Notifying open pages when any process has written to the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from baserun.store import Store
from baserun_monitor._exchange import Response
from baserun_monitor._site import Visit

LOOK_EVERY = 0.5
BEAT_EVERY = 10.0
"""Seconds between two beats; without them a page reports that the connection is broken."""
LOOK_AGAIN_MS = 2000
"""Milliseconds until the browser reconnects, where each connection occupies a thread of the server."""
LONGEST = 15 * 60.0
"""Seconds until a stream ends and the browser reconnects, so that no stream is kept for a vanished client."""


class Live:
    """Server-sent events about writes to a store since the state `seen`."""

    def __init__(self, store: Store, seen: str) -> None:
        self._store = store
        self._seen = seen

    def once(self) -> bytes:
        """Return the events of a single check; the browser reconnects for the next."""
        news = self._look()
        return f"retry: {LOOK_AGAIN_MS}\n\n".encode() + (news or b"event: beat\ndata: pause\n\n")

    async def stream(self) -> AsyncIterator[bytes]:
        """Iterate over events, for `LONGEST` seconds."""
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
    """Send server-sent events: ``news`` after each write since the state ``seen``."""
    seen = visit.request.headers.get("last-event-id") or visit.params.get("seen", "")
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
    return Response(Live(visit.store, seen), 200, headers)
