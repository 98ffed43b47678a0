"""Serving the pages on an ASGI server."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from baserun_monitor._exchange import MOST_BODY, Request, Response
from baserun_monitor._live import Live

if TYPE_CHECKING:
    from baserun_monitor._pages import Pages


async def serve(pages: Pages, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one ASGI connection."""
    if scope["type"] == "lifespan":
        await _lifespan(pages, receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
    else:
        native = StarletteRequest(scope, receive)
        request = _request(native, await _body(native))
        is_allowed = not request.is_too_large and await _is_allowed(pages, native)
        response = await run_in_threadpool(pages.answer, request, is_allowed=is_allowed)
        await _translated(response, scope["method"])(scope, receive, send)


async def _is_allowed(pages: Pages, native: StarletteRequest) -> bool:
    if pages.allow is None:
        return True
    answer = pages.allow(native)
    return bool(await answer if inspect.isawaitable(answer) else answer)


def _request(native: StarletteRequest, body: bytes | None) -> Request:
    scope = native.scope
    root = scope.get("root_path", "").rstrip("/")
    path = scope["path"]
    inside = path[len(root) :] if root and path.startswith(root) else path
    return Request(
        method=scope["method"],
        path=inside or "/",
        root=root,
        query=scope["query_string"].decode("latin-1"),
        headers=dict(native.headers.items()),
        scheme=scope["scheme"],
        body=body or b"",
        is_too_large=body is None,
    )


async def _body(native: StarletteRequest) -> bytes | None:
    """Return the body of a form; None if it is larger than `MOST_BODY` or the client has disconnected."""
    found = b""
    try:
        async for chunk in native.stream():
            found += chunk
            if len(found) > MOST_BODY:
                return None
    except ClientDisconnect:
        return None
    return found


def _translated(response: Response, method: str) -> StarletteResponse:
    body = response.body
    made: StarletteResponse
    if isinstance(body, bytes):
        made = StarletteResponse(b"" if method == "HEAD" else body, response.status, response.headers)
    elif method == "HEAD":
        made = StreamingResponse(iter(()), response.status, response.headers)
    else:
        chunks = body.stream() if isinstance(body, Live) else iter(body)
        made = StreamingResponse(chunks, response.status, response.headers)
    for cookie in response.cookies:
        made.raw_headers.append((b"set-cookie", cookie.encode("latin-1")))
    return made


async def _lifespan(pages: Pages, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    pages.close()
    await send({"type": "lifespan.shutdown.complete"})
