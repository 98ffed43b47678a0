"""The provider's end-user parameter: recorded, adopted, and filled in with `fill_end_user`."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import openai
import pytest

import baserun
from baserun.testing import Captured, OfflineModel, capture

MESSAGES: Any = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("given", "end_user"),
    [
        ({"user": "u1"}, "u1"),
        ({"safety_identifier": "s1"}, "s1"),
        ({"user": "u1", "safety_identifier": "s1"}, "s1"),
        ({"user": "u1", "extra_body": {"user": "u2"}}, "u2"),
        ({"user": "u1", "extra_body": {"safety_identifier": "s2"}}, "s2"),
        ({"extra_body": {"user": "u2"}}, "u2"),
        ({"user": ""}, None),
        ({}, None),
    ],
)
def test_recorded_and_adopted(
    offline: OfflineModel, captured: Captured, given: dict[str, Any], end_user: str | None
) -> None:
    """`safety_identifier` wins over `user`, `extra_body` over both; a session without a user adopts the end user."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client, baserun.with_session() as session:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **given)

    (call,) = captured.calls
    assert call.end_user == end_user
    assert session.user_identifier == end_user
    assert "user" not in (call.parameters or {})


def test_not_adopted_by_a_session_with_a_user(offline: OfflineModel, captured: Captured) -> None:
    """A session with a user does not adopt the end user of a call."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client, baserun.with_session("known") as session:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, user="other")

    assert session.user_identifier == "known"
    assert captured.calls[0].end_user == "other"


class Host:
    """A client for a host, with requests answered in the test and kept in `sent`."""

    def __init__(self, http: ModuleType, base_url: str) -> None:
        self.sent: list[dict[str, Any]] = []
        transport = http.MockTransport(self._answer)
        self._http = http
        self.client = openai.OpenAI(base_url=base_url, api_key="x", http_client=http.Client(transport=transport))

    def _answer(self, request: Any) -> Any:
        self.sent.append(json.loads(request.content))
        return self._http.Response(200, json={"id": "x", "object": "list", "model": "m", "choices": [], "data": []})


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "https://eu.api.openai.com/v1"])
@pytest.mark.parametrize(
    ("endpoint", "parameter"),
    [("chat", "safety_identifier"), ("responses", "safety_identifier"), ("embeddings", "user")],
)
def test_filled_in(http: ModuleType, base_url: str, endpoint: str, parameter: str) -> None:
    """With `fill_end_user` the session's user is sent in the parameter that the endpoint understands."""
    host = Host(http, base_url)

    with capture(fill_end_user=True), baserun.with_session("u" * 64):
        call(host.client, endpoint)

    assert host.sent[0][parameter] == "u" * 64


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_filled_in_a_form(http: ModuleType) -> None:
    """In a form with files the user is filled in too; image variations take only `user`."""
    forms: list[bytes] = []

    def answer(request: Any) -> Any:
        forms.append(request.read())
        return http.Response(200, json={"created": 1, "data": []})

    transport = http.MockTransport(answer)
    client = openai.OpenAI(api_key="x", http_client=http.Client(transport=transport))
    with client, capture(fill_end_user=True), baserun.with_session("ada"):
        client.images.create_variation(image=("cat.png", b"png", "image/png"))
        client.images.edit(prompt="A hat", image=("cat.png", b"png", "image/png"))

    assert [[name in form for name in (b'name="user"', b'name="safety_identifier"')] for form in forms] == [
        [True, False],
        [False, True],
    ]
    assert all(b"ada" in form for form in forms)


@pytest.mark.parametrize("given", [{"user": "own"}, {"safety_identifier": "own"}, {"extra_body": {"user": "own"}}])
def test_never_over_the_callers_own(http: ModuleType, given: dict[str, Any]) -> None:
    """Nothing is filled in if the caller gave an end user."""
    host = Host(http, "https://api.openai.com/v1")

    with capture(fill_end_user=True), baserun.with_session("known"):
        call(host.client, "chat", **given)

    assert "known" not in host.sent[0].values()


@pytest.mark.parametrize(
    ("base_url", "options", "user"),
    [
        ("https://example.com/v1", {"fill_end_user": True}, "known"),
        ("https://api.openai.com.example.com/v1", {"fill_end_user": True}, "known"),
        ("https://api.openai.com/v1", {}, "known"),
        ("https://api.openai.com/v1", {"fill_end_user": True}, None),
        ("https://api.openai.com/v1", {"fill_end_user": True}, "u" * 129),
    ],
)
def test_not_filled_in(http: ModuleType, base_url: str, options: Any, user: str | None) -> None:
    """Nothing is filled in for an unknown host, without the option, without a user, or with one that is too long."""
    host = Host(http, base_url)

    with capture(**options), baserun.with_session(user):
        call(host.client, "chat")

    assert set(host.sent[0]) == {"model", "messages"}


def test_filled_in_with_a_pepper(http: ModuleType) -> None:
    """With a `user_key` the keyed hash is sent and recorded."""
    host = Host(http, "https://api.openai.com/v1")

    with capture(fill_end_user=True, user_key="pepper") as captured, baserun.with_session("known"):
        call(host.client, "chat")
        (recorded,) = captured.calls

    assert host.sent[0]["safety_identifier"].startswith("u1_")
    assert recorded.end_user == host.sent[0]["safety_identifier"]


def call(client: openai.OpenAI, endpoint: str, **given: Any) -> None:
    with client:
        if endpoint == "chat":
            client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **given)
        elif endpoint == "responses":
            client.responses.create(model="gpt-4o-mini", input="Hi", **given)
        else:
            client.embeddings.create(model="text-embedding-3-small", input="Hi", encoding_format="float", **given)
