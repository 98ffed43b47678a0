"""The view that takes visitors' feedback."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from baserun.web import FORMS, URLENCODED, answer_feedback


def feedback_view(request: HttpRequest) -> HttpResponse:
    """Record a thumb, score, stars or comment on the trace whose `feedback_token` is posted.

        path("feedback/", feedback_view)

    It takes JSON or a form, such as ``{"token": "...", "thumbsup": true, "comment": "..."}``. The response is 204;
    400 for a body that cannot be used, 403 for a token that is forged or another user's, 405 for another method than
    POST, 413 for more than 64 kB. CsrfViewMiddleware protects it like every view.
    """
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    try:
        kind, body = _posted(request)
    except RequestDataTooBig:  # more than Django itself reads, which is much more than is accepted here
        kind, body = "", None
    answer = answer_feedback(kind, body, remedy="add 'baserun_django.BaserunMiddleware' to the setting MIDDLEWARE")
    return HttpResponse(answer.body(), status=answer.status, content_type=answer.content_type)


def _posted(request: HttpRequest) -> tuple[str, bytes | None]:
    if request.content_type in FORMS:  # Django's parser has read the body, so that there is none to read
        return URLENCODED, request.POST.urlencode().encode()
    return request.META.get("CONTENT_TYPE", ""), request.body
