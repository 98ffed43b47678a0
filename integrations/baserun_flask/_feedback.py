"""The view that takes visitors' feedback."""

from __future__ import annotations

from flask import Response, request

from baserun.exceptions import ConfigurationError
from baserun.web import MOST_BYTES, accept_feedback, active_request


def feedback_view() -> Response:
    """Record a thumb, score, stars or comment on the trace whose `feedback_token` is posted.

        app.add_url_rule("/feedback", view_func=feedback_view, methods=["POST"])

    It takes JSON or a form, such as ``{"token": "...", "thumbsup": true, "comment": "..."}``. The response is 204;
    400 for a body that cannot be used, 403 for a token that is forged or another user's, 413 for more than 64 kB.
    CSRF protection is the application's, such as Flask-WTF's `CSRFProtect`.
    """
    active = active_request()
    if active is None:
        raise ConfigurationError(
            "feedback_view works in an application with the extension: write Baserun(app), and leave the path of the "
            "view out of `excluded`"
        )
    if request.form:  # the application or its CSRF protection has parsed it already
        body, kind = _joined(), "application/x-www-form-urlencoded"
    else:
        body, kind = request.get_data(cache=True)[: MOST_BYTES + 1], request.headers.get("Content-Type", "")
    answer = accept_feedback(active.policy, kind, body, active.visitor())
    return Response(answer.body(), answer.status, content_type="application/json" if answer.problem else None)


def _joined() -> bytes:
    from urllib.parse import urlencode

    return urlencode(list(request.form.items())).encode()
