"""One test that is answered from a recording, or that makes one."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from baserun._runtime import configuration
from baserun.testing._replay.canonical import Canon
from baserun.testing._replay.player import Player
from baserun.testing._replay.recording import Answer, Exchange, Recording, Request, load, save
from baserun.testing._replay.wire import headers_of, pieces_of
from baserun_pytest._network import closed_network
from baserun_pytest._streams import merged
from baserun_pytest._transport import intercepted, is_retry, stream_of

NOT_RECORDED = 501
NOT_IN_RECORDING = "Not in the recording"
_KEY = "OPENAI_API_KEY"


def replay_of(item: pytest.Item, mode: str) -> Replay | None:
    """What the test's marker asks for."""
    marker = item.get_closest_marker("baserun_replay")
    return None if marker is None else _replay(item, mode, *marker.args, **marker.kwargs)


def _replay(item: pytest.Item, mode: str, path: str | Path, *, ignore: Any = (), partial: bool = False) -> Replay:
    members = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    return Replay(item.path.parent / path, mode, members, is_partial=partial)


class Replay:
    """Stands between the clients of one test and the network.

    Args:
        path: The recording.
        mode: As of `--baserun-record`.
        ignore: Members of requests that do not matter, beside those that the recording names.
        is_partial: Whether recorded calls may be left over.
    """

    def __init__(self, path: Path, mode: str, ignore: tuple[str, ...], *, is_partial: bool) -> None:
        self._path = path
        self._ignore = ignore
        self._is_partial = is_partial
        self._is_new = mode == "all" or (mode in ("once", "new") and not path.exists())
        self.records = self._is_new or mode == "new"
        self._recorded: list[Exchange] = []
        self._told = 0
        self._stack = ExitStack()

    def start(self) -> None:
        """Close the network, unless something may have to be recorded, and answer from now on."""
        if not self._is_new:
            _ = self._recording
        self._stack.enter_context(intercepted(self))
        if not self.records:
            self._stack.enter_context(closed_network())
            if not os.environ.get(_KEY):
                patch = self._stack.enter_context(pytest.MonkeyPatch.context())
                patch.setenv(_KEY, "replayed")  # a client without a key refuses to be made

    def stop(self) -> None:
        """Open the network again, and write what was recorded."""
        self._stack.close()
        if self._recorded:
            calls = [*self._recording.calls, *self._recorded]
            save(Recording(ignore=self._recording.ignore, calls=calls), self._path)

    def new_problem(self) -> str | None:
        """What was asked and is not in the recording, as far as it was not told before."""
        fresh = self._player.mismatches[self._told :]
        self._told = len(self._player.mismatches)
        return None if not fresh else "\n".join([f"The recording {self._path} does not fit:", *fresh, self._advice()])

    def left_over(self) -> str | None:
        """Which recorded calls were not made, where that is a fault."""
        unplayed = [] if self._is_partial or self.records else self._player.unplayed
        if not unplayed:
            return None
        return "\n".join([f"Not all calls of the recording {self._path} were made; left are:", *unplayed])

    def answer(self, library: ModuleType, request: Any) -> Any | None:
        """The recorded response; None sends the request on, to be recorded."""
        asked = (request.method, request.url.path, request.content)
        found = self._player.answer(*asked, is_retry=is_retry(request))
        if found is not None:
            return _response(library, request, self._canon.request(*asked), found)
        if self.records:
            return None
        message = f"{NOT_IN_RECORDING} {self._path}. {self._player.explain(*asked)}"
        refusal = Answer(status=NOT_RECORDED, body={"error": {"message": message, "type": "not_recorded"}})
        return _response(library, request, self._canon.request(*asked), refusal)

    def received(self, library: ModuleType, request: Any, response: Any, pieces: list[bytes]) -> Any:
        """Keep what the provider answered, and hand it on."""
        whole = library.Response(response.status_code, headers=response.headers, content=b"".join(pieces))
        asked = self._canon.request(request.method, request.url.path, request.content)
        kept = Request(method=asked.method, path=asked.path, body=self._kept_body(asked.path, request.content))
        exchange = Exchange(request=kept, answer=self._kept_answer(asked.path, whole))
        if is_retry(request) and self._recorded and self._recorded[-1].request == kept:
            self._recorded[-1] = exchange
        else:
            self._recorded.append(exchange)
        stream = stream_of(library, pieces, None)
        return library.Response(response.status_code, headers=response.headers, stream=stream)

    def _kept_body(self, path: str, content: bytes) -> Any:
        from baserun.testing._replay.canonical import decoded

        return self._canon.masked(path, decoded(content))

    def _kept_answer(self, path: str, response: Any) -> Answer:
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            answer = merged(path, response.status_code, response.content)
        else:
            answer = Answer(status=response.status_code, body=_json_of(self._path, path, response))
        answer.body, answer.error = self._canon.answered(answer.body), self._canon.answered(answer.error, "error")
        return answer

    @cached_property
    def _recording(self) -> Recording:
        return Recording(ignore=list(self._ignore)) if self._is_new else load(self._path)

    @cached_property
    def _canon(self) -> Canon:
        # Not before the first request: until then the application may say what it masks.
        return Canon(configuration().redact, [*self._recording.ignore, *self._ignore])

    @cached_property
    def _player(self) -> Player:
        return Player(self._recording, self._canon)

    def _advice(self) -> str:
        return (
            "If the application is right, record again: `pytest --baserun-record=all` calls the provider, and "
            "`ignore=[...]` of the marker leaves out members of requests that need not be the same."
        )


def _json_of(recording: Path, path: str, response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        raise pytest.UsageError(
            f"The answer of {path} is neither JSON nor events, and cannot be kept in the recording {recording}."
        ) from None


def _response(library: ModuleType, request: Any, asked: Request, answer: Answer) -> Any:
    failure = _failure(library, request, answer.fault)
    if failure is not None and not answer.stream:
        raise failure
    headers, pieces = headers_of(answer), pieces_of(asked, answer)
    if not answer.stream:
        return library.Response(answer.status, headers=headers, content=b"".join(pieces))
    return library.Response(answer.status, headers=headers, stream=stream_of(library, pieces, failure))


def _failure(library: ModuleType, request: Any, fault: str | None) -> Exception | None:
    if fault == "timeout":
        timeout: Exception = library.ReadTimeout("The recorded call timed out.", request=request)
        return timeout
    if fault == "network":
        error: Exception = library.ReadError("The recorded call lost its connection.", request=request)
        return error
    return None
