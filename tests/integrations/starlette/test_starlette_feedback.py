"""The endpoint for visitors' feedback on an answer."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Depends, FastAPI, Header
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

import baserun
from baserun.exceptions import ConfigurationError
from baserun.testing import Captured
from baserun_starlette import BaserunMiddleware, feedback_endpoint


@pytest.fixture
def app(call: Any, by_header: Any) -> Starlette:
    async def chat(request: Request) -> Response:
        call()
        trace = baserun.current_trace()
        assert trace is not None
        return PlainTextResponse(trace.feedback_token)

    return Starlette(
        routes=[Route("/chat", chat), Route("/feedback", feedback_endpoint, methods=["POST"])],
        middleware=[Middleware(BaserunMiddleware), Middleware(AuthenticationMiddleware, backend=by_header)],
    )


@pytest.mark.parametrize(
    ("judgement", "score", "comment"),
    [
        ({"thumbsup": True}, 1.0, None),
        ({"thumbsup": False, "comment": "wrong"}, 0.0, "wrong"),
        ({"stars": 4}, 0.8, None),
        ({"score": 0.25}, 0.25, None),
        ({"comment": "thanks"}, None, "thanks"),
    ],
)
def test_is_recorded_on_its_trace(
    captured: Captured, app: Starlette, judgement: dict[str, Any], score: float | None, comment: str | None
) -> None:
    """A thumb, stars, a score or a comment is recorded on the trace of the posted token."""
    browser = TestClient(app)
    token = browser.get("/chat").text

    answer = browser.post("/feedback", json={"token": token, "name": "helpful", **judgement})

    (trace,) = captured.traces
    (note,) = trace.annotations or []
    assert (answer.status_code, answer.text) == (204, "")
    assert (note.type, note.name, note.score, note.comment) == ("feedback", "helpful", score, comment)
    assert (note.trace_id, note.session_id) == (trace.id, trace.session_id)


def test_a_changed_mind_is_one_judgement(captured: Captured, app: Starlette) -> None:
    """Later feedback replaces earlier of the same name; comments without a score are kept apart from scores."""
    browser = TestClient(app)
    token = browser.get("/chat").text

    for said in (
        {"thumbsup": True, "comment": "good"},
        {"thumbsup": False},
        {"comment": "not so"},
        {"comment": "wrong"},
        {"name": "speed", "stars": 5},
    ):
        assert browser.post("/feedback", json={"token": token, **said}).status_code == 204

    notes = captured.traces[0].annotations or []
    assert [(note.name, note.score, note.comment) for note in notes] == [
        ("feedback", 0.0, None),
        ("feedback", None, "wrong"),
        ("speed", 1.0, None),
    ]
    assert captured.stats.captured == captured.stats.stored


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_two_people_have_two_opinions(captured: Captured, app: Starlette, is_signed_in: bool) -> None:
    """An anonymous visitor's token can be used by several users, each of whom has one opinion."""
    browser = TestClient(app)
    token = browser.get("/chat").text
    more = {"x-user": "ann@example.com"} if is_signed_in else {}

    browser.post("/feedback", json={"token": token, "stars": 1}, headers={"x-user": "bob@example.com"})
    browser.post("/feedback", json={"token": token, "stars": 5}, headers=more)
    browser.post("/feedback", json={"token": token, "stars": 2}, headers=more)

    notes = captured.traces[0].annotations or []
    assert [note.score for note in notes] == [0.2, 0.4]


def test_is_taken_from_a_form(captured: Captured, app: Starlette) -> None:
    """A plain HTML form without a script can send feedback."""
    browser = TestClient(app)
    token = browser.get("/chat").text

    browser.post(
        "/feedback",
        content=f"token={token}&thumbsup=false&comment=not+so",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    (note,) = captured.traces[0].annotations or []
    assert (note.score, note.comment) == (0.0, "not so")


def test_is_taken_from_form_data(captured: Captured, app: Starlette) -> None:
    """Feedback can be posted as multipart `FormData`; empty fields are ignored."""
    browser = TestClient(app)
    fields = {"token": browser.get("/chat").text, "stars": "", "score": " 0.5 ", "comment": "über\r\nzwei Zeilen"}

    answer = browser.post("/feedback", files={name: (None, text) for name, text in fields.items()})

    (note,) = captured.traces[0].annotations or []
    assert (answer.status_code, note.score, note.comment) == (204, 0.5, "über\r\nzwei Zeilen")


def test_needs_no_session_of_its_own(captured: Captured, app: Starlette) -> None:
    """Feedback touches no session: it sets no cookie and makes no trace."""
    token = TestClient(app).get("/chat").text

    answer = TestClient(app).post("/feedback", json={"token": token, "stars": 5})

    assert "set-cookie" not in answer.headers
    assert (len(captured.sessions), len(captured.traces)) == (1, 1)


def test_of_somebody_else_is_refused(captured: Captured, app: Starlette) -> None:
    """A token is refused from another user than its own, and accepted from its own."""
    token = TestClient(app).get("/chat", headers={"x-user": "ann@example.com"}).text
    said = {"token": token, "stars": 1}

    refused = TestClient(app).post("/feedback", json=said, headers={"x-user": "bob@example.com"})
    taken = TestClient(app).post("/feedback", json=said, headers={"x-user": "ann@example.com"})

    assert (refused.status_code, refused.json()) == (403, {"error": "the token is somebody else's"})
    assert taken.status_code == 204


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nothing", 400),
        (b"[1]", 400),
        (b"[" * 60_000, 400),
        (b"{}", 400),
        (b'{"token": 7, "stars": 5}', 400),
        (b'{"token": "forged.session.owner.x.y", "stars": 5}', 403),
        (b'{"token": "\\u00fc", "stars": 5}', 403),
        (b'{"token": "TOKEN"}', 400),
        (b'{"token": "TOKEN", "stars": 6}', 400),
        (b'{"token": "TOKEN", "score": "much"}', 400),
        (b'{"token": "TOKEN", "score": NaN}', 400),
        (b'{"token": "TOKEN", "comment": 5}', 400),
        (b'{"token": "TOKEN", "comment": "x", "name": 5}', 400),
        (b"x" * 70_000, 413),
    ],
)
def test_that_cannot_be_used_is_refused(captured: Captured, app: Starlette, body: bytes, status: int) -> None:
    """Invalid feedback is refused with an error message and a 4xx status, and not recorded."""
    browser = TestClient(app)
    token = browser.get("/chat").text

    answer = browser.post("/feedback", content=body.replace(b"TOKEN", token.encode()))

    assert answer.status_code == status
    assert answer.json()["error"]
    assert captured.annotations == []


def test_null_is_as_good_as_left_out(captured: Captured, app: Starlette) -> None:
    """A field that is null counts as missing."""
    browser = TestClient(app)
    said = {"token": browser.get("/chat").text, "stars": 5, "name": None, "comment": None, "score": None}

    answer = browser.post("/feedback", json=said)

    assert answer.status_code == 204
    assert [(note.name, note.score) for note in captured.annotations] == [("feedback", 1.0)]


def test_a_session_token_is_no_feedback_token(captured: Captured, app: Starlette) -> None:
    """A session token is not accepted as a feedback token."""
    browser = TestClient(app)
    browser.get("/chat")

    assert browser.post("/feedback", json={"token": browser.cookies["baserun"], "stars": 5}).status_code == 403


def test_without_the_middleware_it_says_what_is_missing() -> None:
    """Without the middleware, the error says to add it."""
    app = Starlette(routes=[Route("/feedback", feedback_endpoint, methods=["POST"])])

    with pytest.raises(ConfigurationError, match=r"write app\.add_middleware\(BaserunMiddleware\), and leave the path"):
        TestClient(app).post("/feedback", json={})


def test_on_an_excluded_path_it_says_what_is_wrong(captured: Captured) -> None:
    """If the endpoint's path is excluded from the middleware, the error says so."""
    routes = [Route("/feedback", feedback_endpoint, methods=["POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(BaserunMiddleware, excluded=["/feedback"])])

    with pytest.raises(ConfigurationError, match=r"leave the path of the endpoint out of `excluded`"):
        TestClient(app).post("/feedback", json={})


def test_the_token_of_another_user_is_refused_where_a_dependency_finds_the_user(captured: Captured, call: Any) -> None:
    """A FastAPI route that calls the endpoint refuses a token of another user than its dependency identified."""

    def current_user(name: str = Header()) -> None:
        baserun.identify(name)

    async def judge(request: Request) -> Response:
        return await feedback_endpoint(request)

    async def chat() -> str:
        call()
        trace = baserun.current_trace()
        assert trace is not None
        return trace.feedback_token

    api = FastAPI(dependencies=[Depends(current_user)])
    api.add_middleware(BaserunMiddleware)
    api.add_api_route("/chat", chat)
    api.add_api_route("/judge", judge, methods=["POST"])
    browser = TestClient(api)
    judgement = {"token": browser.get("/chat", headers={"name": "ada"}).json(), "thumbsup": True}

    answers = [browser.post("/judge", json=judgement, headers={"name": name}) for name in ("eve", "ada")]

    assert [answer.status_code for answer in answers] == [403, 204]
    assert len(captured.annotations) == 1
