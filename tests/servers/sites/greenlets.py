"""Makes 200 requests of fifty users, each user in a greenlet on one thread, and prints the records as JSON."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402  (gevent comes first)
from collections.abc import Callable, Iterator  # noqa: E402
from typing import Any  # noqa: E402
from wsgiref.util import setup_testing_defaults  # noqa: E402

import gevent  # noqa: E402

import baserun  # noqa: E402
from baserun.testing import capture  # noqa: E402
from baserun.web import WSGIMiddleware  # noqa: E402

PEOPLE = [f"person-{number}" for number in range(50)]
TURNS = 4


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """Log in the view, in a new greenlet and with each piece of the body, switching to other greenlets in between."""
    person = environ["HTTP_X_PERSON"]
    baserun.log(person)
    gevent.sleep(0)
    assert gevent.spawn(baserun.current_session).get() is None, "a greenlet begins without a context"
    gevent.spawn(baserun.propagate(baserun.log), person).get()
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return body(person)


def body(person: str) -> Iterator[bytes]:
    for _ in range(3):
        gevent.sleep(0)
        baserun.log(person)
        yield person.encode()


def visit(app: WSGIMiddleware, person: str) -> None:
    """Make the requests of one browser, which keeps its cookie."""
    cookie = ""
    for _ in range(TURNS):
        environ: dict[str, Any] = {"HTTP_X_PERSON": person, "HTTP_COOKIE": cookie}
        setup_testing_defaults(environ)
        sent: list[tuple[str, str]] = []
        pieces: Any = app(environ, lambda status, headers, sent=sent: sent.extend(headers))
        for piece in pieces:
            gevent.sleep(0)
            assert piece == person.encode()
            assert baserun.current_session() is None
        pieces.close()
        cookie = next((value.partition(";")[0] for name, value in sent if name == "Set-Cookie"), cookie)


def main() -> None:
    with capture(instrument="none", secret="a secret of the tests, long enough") as captured:
        app = WSGIMiddleware(application, get_user=lambda environ: environ["HTTP_X_PERSON"])
        gevent.joinall([gevent.spawn(visit, app, person) for person in PEOPLE], raise_error=True)
        recorded: Any = captured.sessions
        seen = [
            [session.user_identifier, len(session.traces), sorted(_said(session)), captured.stats.closed]
            for session in recorded
        ]
        print(json.dumps(seen))  # noqa: T201  (whoever started this reads it)


def _said(session: Any) -> set[str]:
    return {said.value for trace in session.traces for said in trace.annotations}


if __name__ == "__main__":
    main()
