"""Django Channels: a visitor has one session in views and in consumers, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import asgiref.testing
import pytest
from channels.auth import AuthMiddlewareStack, login, logout
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.test import AsyncClient, override_settings
from django.urls import path

import baserun
from baserun.exceptions import ConfigurationError
from baserun.testing import Captured
from baserun_django import ChannelsMiddleware

Call = Callable[[str], None]
Run = Callable[[Coroutine[Any, Any, Any]], Any]
Names = Callable[[Captured], list[list[str]]]
ApplicationCommunicator: Any = asgiref.testing.ApplicationCommunicator  # without types of its own
ANNA = baserun.hash_user("anna@example.com")
BERT = baserun.hash_user("bert@example.com")


def application(call: Call) -> Any:
    """Build a project with views and consumers; `call` is a call to a model."""

    class Asynchronous(AsyncWebsocketConsumer):  # type: ignore[misc]  # without types of its own
        async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            call(text_data or "")
            await self.send("answer")

    class LoggingIn(AsyncWebsocketConsumer):  # type: ignore[misc]
        async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            from django.contrib.auth.models import User

            await login(self.scope, await User.objects.aget(username=text_data))
            call(f"{text_data}")
            await logout(self.scope)
            call("nobody")
            await self.send("answer")

    class Synchronous(WebsocketConsumer):  # type: ignore[misc]
        def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
            call(text_data or "")
            self.send("answer")

    class Http(AsyncHttpConsumer):  # type: ignore[misc]
        async def handle(self, body: bytes) -> None:
            call("http consumer")
            await self.send_response(200, b"answer")

    consumers = [
        path("async/", Asynchronous.as_asgi()),
        path("sync/", Synchronous.as_asgi()),
        path("login/", LoggingIn.as_asgi()),
        path("http/", Http.as_asgi()),
    ]
    connected = AuthMiddlewareStack(ChannelsMiddleware(URLRouter(consumers)))
    return ProtocolTypeRouter({"http": get_asgi_application(), "websocket": connected, "consumer": connected})


def scope_of(kind: str, where: str, client: AsyncClient, **more: Any) -> dict[str, Any]:
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "scheme": "http",
        "path": where,
        "query_string": more.pop("query_string", b""),
        "headers": [(b"host", b"testserver"), (b"cookie", cookies.encode()), *more.pop("headers", ())],
        **more,
    }


async def say(app: Any, where: str, message: str, client: AsyncClient, **more: Any) -> None:
    """Open a websocket with the cookies of `client`, send one message, and close it after the answer."""
    connection = ApplicationCommunicator(app, scope_of("websocket", where, client, subprotocols=[], **more))
    await connection.send_input({"type": "websocket.connect"})
    assert (await connection.receive_output(10))["type"] == "websocket.accept"
    await connection.send_input({"type": "websocket.receive", "text": message})
    assert (await connection.receive_output(10))["text"] == "answer"
    await connection.send_input({"type": "websocket.disconnect", "code": 1000})
    await connection.wait(10)


async def logged_in(name: str) -> AsyncClient:
    from django.contrib.auth.models import User

    client = AsyncClient()
    await client.aforce_login(await User.objects.aget(username=name))
    return client


@pytest.mark.parametrize("where", ["/async/", "/sync/"])
@pytest.mark.parametrize("name", ["anna", "carl"])
def test_a_user_has_one_session_in_views_and_consumers(
    captured: Captured, call: Call, names: Names, run: Run, where: str, name: str
) -> None:
    """By the cookie of the view the connection resumes the user's session; carl has no e-mail address, only a key."""

    async def visit() -> None:
        client = await logged_in(name)
        await client.get("/chat/view/")
        await say(application(call), where, "socket", client)

    run(visit())

    session: Any
    (session,) = captured.sessions
    assert names(captured) == [["chat view", "chat socket"]]
    assert {trace.user_identifier for trace in session.traces} == {session.user_identifier}
    assert session.user_identifier is not None
    assert [(trace.name, trace.status) for trace in session.traces] == [
        ("GET /chat/<slug:topic>/", "ok"),
        (f"WEBSOCKET {where}", "ok"),
    ]


def test_a_visitor_who_is_not_logged_in_has_one_session(captured: Captured, call: Call, names: Names, run: Run) -> None:
    """An anonymous visitor's session is resumed too, and stays without a user."""

    async def visit() -> None:
        client = AsyncClient()
        await client.get("/chat/view/")
        await say(application(call), "/async/", "socket", client)

    run(visit())

    assert names(captured) == [["chat view", "chat socket"]]
    assert captured.sessions[0].user_identifier is None


def test_a_connection_never_resumes_another_users_session(
    captured: Captured, call: Call, names: Names, run: Run
) -> None:
    """Bert's connection with the session cookie of anna begins a session of bert's."""

    async def visit() -> None:
        anna, bert = await logged_in("anna"), await logged_in("bert")
        await anna.get("/chat/anna/")
        bert.cookies["baserun"] = anna.cookies["baserun"].value
        await say(application(call), "/async/", "bert", bert)

    run(visit())

    users = [session.user_identifier for session in captured.sessions]
    assert dict(zip(users, names(captured), strict=True)) == {ANNA: ["chat anna"], BERT: ["chat bert"]}


def test_login_and_logout_in_a_connection(captured: Captured, call: Call, names: Names, run: Run) -> None:
    """Each begins a new session, linked to the one before, as in a view; no call is counted to the user before."""

    async def visit() -> None:
        client = await logged_in("anna")
        await client.get("/chat/view/")
        await say(application(call), "/login/", "bert", client)

    run(visit())

    sessions = {session.user_identifier: session for session in captured.sessions}
    calls = dict(zip([session.user_identifier for session in captured.sessions], names(captured), strict=True))
    assert calls == {ANNA: ["chat view"], BERT: ["chat bert"], None: ["chat nobody"]}
    assert sessions[BERT].previous_id == sessions[ANNA].id
    assert sessions[None].previous_id == sessions[BERT].id


def test_the_proxy_header_of_the_settings(captured: Captured, call: Call, names: Names, run: Run) -> None:
    """Behind a proxy for https, views and consumers use the same cookie."""

    async def visit() -> None:
        client = AsyncClient()
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            await client.get("/chat/view/", headers={"x-forwarded-proto": "https"})
            await say(application(call), "/async/", "socket", client, headers=[(b"x-forwarded-proto", b"https")])

    run(visit())

    assert names(captured) == [["chat view", "chat socket"]]


def test_a_connection_can_come_first(captured: Captured, call: Call, names: Names, run: Run) -> None:
    """The answer to the handshake carries the cookie, by which the view resumes the session."""

    async def visit() -> None:
        client, app = AsyncClient(), application(call)
        connection = ApplicationCommunicator(app, scope_of("websocket", "/async/", client, subprotocols=[]))
        await connection.send_input({"type": "websocket.connect"})
        accepted = await connection.receive_output(10)
        await connection.send_input({"type": "websocket.receive", "text": "socket"})
        await connection.receive_output(10)
        await connection.send_input({"type": "websocket.disconnect", "code": 1000})
        await connection.wait(10)
        client.cookies.load(dict(accepted["headers"])[b"set-cookie"].decode())
        await client.get("/chat/view/")

    run(visit())

    assert names(captured) == [["chat socket", "chat view"]]


def test_consumers_of_http(captured: Captured, call: Call, names: Names, run: Run) -> None:
    """A consumer that answers HTTP is in the session too."""

    async def visit() -> None:
        client = await logged_in("anna")
        await client.get("/chat/view/")
        consumer = application(call).application_mapping["consumer"]
        request = ApplicationCommunicator(consumer, scope_of("http", "/http/", client, method="GET"))
        await request.send_input({"type": "http.request", "body": b"", "more_body": False})
        assert (await request.receive_output(10))["status"] == 200
        assert (await request.receive_output(10))["body"] == b"answer"
        await request.send_input({"type": "http.disconnect"})
        await request.wait(10)

    run(visit())

    assert names(captured) == [["chat view", "chat http consumer"]]
    assert [session.user_identifier for session in captured.sessions] == [ANNA]


def test_get_user_gets_a_request(captured: Captured, call: Call, run: Run) -> None:
    """A `get_user` that was written for views finds in the request that it gets here what it finds there."""

    def of_request(request: Any) -> str:
        has_session = "_auth_user_id" in request.session
        return f"{request.user.username} of {request.get_full_path()}, {has_session}, {request.COOKIES['theme']}"

    async def visit() -> None:
        with override_settings(BASERUN={"get_user": of_request}):
            client = await logged_in("anna")
            client.cookies["theme"] = "dark"
            await say(application(call), "/async/", "socket", client, query_string=b"a=%C3%A4")

    run(visit())

    assert [session.user_identifier for session in captured.sessions] == ["anna of /async/?a=%C3%A4, True, dark"]


def test_get_user_gets_no_forged_header(captured: Captured, call: Call, run: Run) -> None:
    """A header that a proxy sets cannot be forged by its name with underscores, which Django does not accept either."""
    headers = [(b"x-remote-user", b"anna"), (b"x_remote_user", b"bert")]

    async def visit() -> None:
        with override_settings(BASERUN={"get_user": lambda request: request.headers["x-remote-user"]}):
            await say(application(call), "/async/", "socket", AsyncClient(), headers=headers)

    run(visit())

    assert [session.user_identifier for session in captured.sessions] == ["anna"]


@pytest.mark.parametrize("hostile", [{"query_string": b"a=\xff"}, {"headers": [(b"content-type", b"a/b; x*=c'd'e")]}])
def test_connections_that_django_cannot_read(captured: Captured, call: Call, run: Run, hostile: dict[str, Any]) -> None:
    """What a client sends does not fail the connection."""

    async def visit() -> None:
        with override_settings(BASERUN={"get_user": lambda request: "anna"}):
            await say(application(call), "/async/", "socket", AsyncClient(), **hostile)

    run(visit())

    assert [call.status for call in captured.calls] == ["ok"]


def test_options_of_the_settings(captured: Captured, call: Call, names: Names, run: Run) -> None:
    """The setting BASERUN holds for connections too; what cannot be used raises when the application is built."""

    async def visit() -> None:
        with override_settings(BASERUN={"excluded": ["/sync/"]}):
            app = application(call)
            for where in ("/async/", "/sync/"):
                await say(app, where, where, AsyncClient())

    run(visit())

    assert names(captured) == [["chat /async/"]]
    with override_settings(BASERUN={"exclude": []}), pytest.raises(ConfigurationError, match="did you mean 'excluded'"):
        application(call)
