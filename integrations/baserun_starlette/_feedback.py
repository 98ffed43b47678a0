"""The endpoint that takes visitors' feedback."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from baserun.web import MOST_BYTES, answer_feedback


async def feedback_endpoint(request: Request) -> Response:
    """Record a thumb, score, stars or comment on the trace whose `feedback_token` is posted.

        Route("/feedback", feedback_endpoint, methods=["POST"])             # Starlette
        app.add_route("/feedback", feedback_endpoint, methods=["POST"])     # FastAPI

    It takes JSON or a form, such as ``{"token": "...", "thumbsup": true, "comment": "..."}``. The response is 204;
    400 for a body that cannot be used, 403 for a token that is forged or another user's, 413 for more than 64 kB.
    """
    kind, body = request.headers.get("content-type"), await _posted(request)
    answer = answer_feedback(kind, body, remedy="write app.add_middleware(BaserunMiddleware)")
    return Response(answer.body(), status_code=answer.status, media_type=answer.content_type)


async def _posted(request: Request) -> bytes | None:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            return None
    return body
