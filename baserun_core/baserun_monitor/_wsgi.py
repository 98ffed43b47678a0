"""The pages on a WSGI server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from baserun_monitor._exchange import MOST_BODY, Request, Response
from baserun_monitor._live import Live

if TYPE_CHECKING:
    from baserun_monitor._pages import Pages


def serve(pages: Pages, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request; `allow` gets the environment."""
    request = request_of(environ)
    if request is None:
        return started(Response(b"The form is too large.\n", 413, {"Content-Type": "text/plain"}), start_response)
    is_allowed = pages.allow is None or pages.allow(environ) is True
    response = pages.answer(request, is_allowed=is_allowed)
    body = started(response, start_response)
    return [] if request.method == "HEAD" else body


def request_of(environ: dict[str, Any], native: Any = None) -> Request | None:
    """The request in a WSGI environment; None where its body is larger than any form of ours."""
    length = _length(environ)
    if length > MOST_BODY:
        return None
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    headers.setdefault("host", environ.get("SERVER_NAME", ""))
    return Request(
        method=environ["REQUEST_METHOD"],
        path=_text(environ.get("PATH_INFO", "")) or "/",
        root=_text(environ.get("SCRIPT_NAME", "")).rstrip("/"),
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        scheme=environ.get("wsgi.url_scheme", "http"),
        body=environ["wsgi.input"].read(length) if length else b"",
        native=environ if native is None else native,
    )


def body_of(response: Response) -> Iterable[bytes]:
    """The pieces of a body; one look where another server would follow the store."""
    if isinstance(response.body, Live):
        return [response.body.once()]
    return [response.body] if isinstance(response.body, bytes) else response.body


def started(response: Response, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Tell the server status and headers, and give it the body."""
    headers = [*response.headers.items(), *(("Set-Cookie", cookie) for cookie in response.cookies)]
    if isinstance(response.body, bytes) and response.status != HTTPStatus.NOT_MODIFIED:
        headers.append(("Content-Length", str(len(response.body))))
    status = HTTPStatus(response.status)
    start_response(f"{status.value} {status.phrase}", headers)
    return body_of(response)


def _length(environ: dict[str, Any]) -> int:
    try:
        return max(0, int(environ.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def _text(value: str) -> str:
    """A path as it was meant; WSGI hands on its bytes as Latin-1."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
