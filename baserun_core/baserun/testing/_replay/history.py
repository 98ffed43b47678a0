"""Requests that continue an earlier one: a conversation is sent whole each time, and stored once."""

from __future__ import annotations

from typing import Any

from baserun.testing._replay.recording import Request

_SAID = ("messages", "input")
"""Members that grow from call to call."""


def shortened(requests: list[Request]) -> list[Request]:
    """Reduce each request to what is new in it, compared with the earlier one that it continues."""
    return [_shortened(request, requests[:number]) for number, request in enumerate(requests)]


def restored(requests: list[Request]) -> list[Request]:
    """Undo `shortened`.

    Raises:
        ValueError: A request continues one that does not come before it.
    """
    whole: list[Request] = []
    for request in requests:
        whole.append(_restored(request, whole))
    return whole


def _shortened(request: Request, earlier: list[Request]) -> Request:
    found = [(_shared(request, each), number) for number, each in enumerate(earlier, 1)]
    shared, number = max(found, default=(0, 0))
    if not shared:
        return request
    begun = earlier[number - 1].body
    own = {name: value for name, value in request.body.items() if name not in begun or begun[name] != value}
    for name in _SAID:
        if name in own and isinstance(own[name], list) and isinstance(begun.get(name), list):
            own[name] = own[name][len(begun[name]) :]
    return Request(method=request.method, path=request.path, continues=number, body=own)


def _shared(request: Request, earlier: Request) -> int:
    """Return the number of messages that are the same; 0 if `request` does not continue the earlier one."""
    new, old = request.body, earlier.body
    if (request.method, request.path) != (earlier.method, earlier.path):
        return 0
    if not isinstance(new, dict) or not isinstance(old, dict) or not old.keys() <= new.keys():
        return 0
    lists = [name for name in _SAID if isinstance(old.get(name), list) and isinstance(new[name], list)]
    if not all(new[name][: len(old[name])] == old[name] for name in lists):
        return 0
    return sum(len(old[name]) for name in lists)


def _restored(request: Request, earlier: list[Request]) -> Request:
    if request.continues is None:
        return request
    if not 1 <= request.continues <= len(earlier):
        raise ValueError(f"a request continues call {request.continues}, which does not come before it")
    begun, own = earlier[request.continues - 1].body, request.body or {}
    body: dict[str, Any] = {**begun, **own}
    for name in _SAID:
        if isinstance(own.get(name), list) and isinstance(begun.get(name), list):
            body[name] = begun[name] + own[name]
    return Request(method=request.method, path=request.path, body=body)
