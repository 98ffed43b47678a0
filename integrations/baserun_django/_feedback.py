"""The view that takes visitors' feedback."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from baserun.exceptions import ConfigurationError
from baserun.web import MOST_BYTES, accept_feedback, active_request

_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def feedback_view(request: HttpRequest) -> HttpResponse:
    """Record a thumb, score, stars or comment on the trace whose `feedback_token` is posted.

        path("feedback/", feedback_view)

    It takes JSON or a form, such as ``{"token": "...", "thumbsup": true, "comment": "..."}``. The response is 204;
    400 for a body that cannot be used, 403 for a token that is forged or another user's, 405 for another method than
    POST, 413 for more than 64 kB. CsrfViewMiddleware protects it like every view.
    """
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    active = active_request()
    if active is None:
        raise ConfigurationError(
            "feedback_view works below the middleware: add 'baserun_django.BaserunMiddleware' to the setting "
            "MIDDLEWARE, and leave the path of the view out of `excluded`"
        )
    try:
        kind, body = _posted(request)
    except RequestDataTooBig:  # more than Django itself reads, which is much more than is accepted here
        kind, body = "", bytes(MOST_BYTES + 1)
    answer = accept_feedback(active.policy, kind, body, active.visitor())
    return HttpResponse(
        answer.body(), status=answer.status, content_type="application/json" if answer.problem else None
    )


def _posted(request: HttpRequest) -> tuple[str, bytes]:
    if request.content_type in _FORMS:  # Django's parser has read the body, so that there is none to read
        return "application/x-www-form-urlencoded", request.POST.urlencode().encode()
    return request.META.get("CONTENT_TYPE", ""), request.body[: MOST_BYTES + 1]
