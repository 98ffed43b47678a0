"""Routes of FastAPI in included routers and mounted applications."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from starlette.middleware.base import RequestResponseEndpoint
from starlette.testclient import TestClient

import baserun
from baserun.testing import Captured
from baserun_starlette import BaserunMiddleware


@pytest.fixture(name="app")
def _app() -> FastAPI:
    """Routers included in each other under several prefixes, and in a mounted application."""
    rooms = APIRouter(prefix="/rooms")

    @rooms.get("/{room}/say")
    def say(room: str) -> str:
        baserun.log("here")
        return room

    @rooms.websocket("/{room}/live")
    async def live(socket: WebSocket, room: str) -> None:
        await socket.accept()
        baserun.log("here")
        await socket.close()

    houses = APIRouter(prefix="/houses/{house}")
    houses.include_router(rooms)
    mounted = FastAPI()
    mounted.include_router(houses, prefix="/v2")
    app = FastAPI()
    app.include_router(houses, prefix="/v1")
    app.include_router(rooms)
    app.mount("/sub", mounted)

    @app.middleware("http")
    async def early(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if "early" in request.query_params:
            baserun.log("before the route is known")
        return await call_next(request)

    app.add_middleware(BaserunMiddleware)
    return app


@pytest.mark.parametrize("query", ["", "?early=1"])
@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/rooms/a/say", "/rooms/{room}/say"),
        ("/v1/houses/1/rooms/a/say", "/v1/houses/{house}/rooms/{room}/say"),
        ("/sub/v2/houses/1/rooms/a/say", "/sub/v2/houses/{house}/rooms/{room}/say"),
    ],
)
def test_included_routers(app: FastAPI, captured: Captured, path: str, route: str, query: str) -> None:
    """A trace's route has all prefixes of its routers, whether the session was touched before the routing or after."""
    TestClient(app).get(path + query)

    (trace,) = captured.traces
    assert (trace.name, (trace.metadata or {})["route"]) == (f"GET {route}", route)


def test_included_websocket(app: FastAPI, captured: Captured) -> None:
    """The route of a websocket has all prefixes of its routers."""
    with TestClient(app).websocket_connect("/v1/houses/1/rooms/a/live"):
        pass

    assert [trace.name for trace in captured.traces] == ["WEBSOCKET /v1/houses/{house}/rooms/{room}/live"]
