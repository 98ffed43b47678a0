"""The endpoint that takes visitors' feedback."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from baserun.exceptions import ConfigurationError
from baserun.web import MOST_BYTES, accept_feedback, active_request


async def feedback_endpoint(request: Request) -> Response:
    """Record a thumb, score, stars or comment on the trace whose `feedback_token` is posted.

        Route("/feedback", feedback_endpoint, methods=["POST"])             # Starlette
        app.add_route("/feedback", feedback_endpoint, methods=["POST"])     # FastAPI

    It takes JSON or a form, such as ``{"token": "...", "thumbsup": true, "comment": "..."}``. The response is 204;
    400 for a body that cannot be used, 403 for a token that is forged or another user's, 413 for more than 64 kB.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            break
    active = active_request()
    if active is None:
        raise ConfigurationError(
            "feedback_endpoint works below the middleware: write app.add_middleware(BaserunMiddleware), and leave the "
            "path of the endpoint out of `excluded`"
        )
    answer = accept_feedback(active.policy, request.headers.get("content-type"), body, active.visitor())
    return Response(answer.body(), status_code=answer.status, media_type="application/json" if answer.problem else None)
