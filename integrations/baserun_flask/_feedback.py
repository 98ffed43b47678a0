"""The view that takes visitors' feedback."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response, request

from baserun.web import MOST_BYTES, URLENCODED, answer_feedback


def feedback_view() -> Response:
    """Record a thumb, score, stars or comment on the trace whose `feedback_token` is posted.

        app.add_url_rule("/feedback", view_func=feedback_view, methods=["POST"])

    It takes JSON or a form, such as ``{"token": "...", "thumbsup": true, "comment": "..."}``. The response is 204;
    400 for a body that cannot be used, 403 for a token that is forged or another user's, 413 for more than 64 kB.
    CSRF protection is the application's, such as Flask-WTF's `CSRFProtect`.
    """
    kind, body = _posted()
    answer = answer_feedback(kind, body, remedy="write Baserun(app)")
    return Response(answer.body(), answer.status, content_type=answer.content_type)


def _posted() -> tuple[str, bytes | None]:
    length = request.content_length
    if length is not None and length > MOST_BYTES:  # not read, because all of it would be in memory at once
        return "", None
    if request.form:  # the application or its CSRF protection has parsed it already
        return URLENCODED, urlencode(list(request.form.items())).encode()
    kind = request.headers.get("Content-Type", "")
    if length is None:  # sent in chunks, perhaps without end; or the application has read it already
        return kind, request.stream.read(MOST_BYTES + 1) or request.get_data()[: MOST_BYTES + 1]
    return kind, request.get_data(cache=True)
