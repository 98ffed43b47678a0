"""The replay of one test: answers its calls from a recording, or makes one."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from baserun._current import configuration
from baserun.testing._replay.canonical import Canon, decoded, endpoint_of
from baserun.testing._replay.files import load, save
from baserun.testing._replay.player import Player
from baserun.testing._replay.recording import Answer, Exchange, Recording, RecordingError, Request
from baserun.testing._replay.wire import EVENT_STREAM, headers_of, pieces_of
from baserun_pytest._network import closed_network
from baserun_pytest._streams import merged
from baserun_pytest._transport import intercepted, is_retry, send_home, stream_of

NOT_RECORDED = 501
NOT_IN_RECORDING = "Not in the recording"
_KEY = "OPENAI_API_KEY"


class Replay:
    """Stands between the clients of one test and the network.

    Args:
        path: The recording.
        mode: The value of `--baserun-record`.
        ignore: Members of requests that are not compared, beside those that the recording names.
        is_partial: Whether recorded calls may be left over.
        shown: The path of the recording in messages.
        left: The URL of the offline model of an earlier test, if there was one.
    """

    def __init__(
        self, path: Path, mode: str, ignore: tuple[str, ...], *, is_partial: bool, shown: str, left: str | None
    ) -> None:
        self.path = path
        self.shown = shown
        self._left = left
        self._ignore = ignore
        self._is_partial = is_partial
        self._is_new = mode == "all" or (mode in ("once", "new") and not path.exists())
        self.records = self._is_new or mode == "new"
        self._recorded: list[Exchange] = []
        self._told = 0
        self._stack = ExitStack()

    def start(self) -> None:
        """Answer requests from now on; close the network, unless calls may have to be recorded."""
        if not self._is_new:
            self._look_for_recording()
        self._stack.enter_context(intercepted(self))
        if not self.records:
            self._stack.enter_context(closed_network())
            if not os.environ.get(_KEY):
                patch = self._stack.enter_context(pytest.MonkeyPatch.context())
                patch.setenv(_KEY, "replayed")  # a client without a key refuses to be made

    def _look_for_recording(self) -> None:
        """Load the recording; if that fails, fail the test with the message alone, without a traceback of our code."""
        try:
            _ = self._recording
        except RecordingError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None

    def stop(self) -> None:
        """Stop answering, and open the network again."""
        self._stack.close()

    def write(self) -> bool:
        """Write the recorded calls; return whether there were any."""
        if self._recorded:
            calls = [*self._recording.calls, *self._recorded]
            try:
                save(Recording(ignore=self._recording.ignore, calls=calls), self.path)
            except OSError as error:
                said = f"The recording {self.shown} cannot be written: {error}"
                raise pytest.fail.Exception(said, pytrace=False) from None
        return bool(self._recorded)

    def unwritten(self) -> str | None:
        """Return the message that a failed test's calls are not written, since later tests would wrongly pass."""
        if not self._recorded:
            return None
        return f"The recording {self.shown} was not written, since the test failed."

    def new_problem(self) -> str | None:
        """Return the message about calls that are not in the recording; None if all were reported before."""
        fresh = self._player.mismatches[self._told :]
        self._told = len(self._player.mismatches)
        return None if not fresh else "\n".join([f"The recording {self.shown} does not fit:", *fresh, self._advice()])

    def left_over(self) -> str | None:
        """Return the message about recorded calls that were not made; None if there are none, or they may be left."""
        unplayed = [] if self._is_partial or self.records else self._player.unplayed
        if not unplayed:
            return None
        return "\n".join([f"Not all calls of the recording {self.shown} were made; left are:", *unplayed])

    def answer(self, library: ModuleType, request: Any) -> Any | None:
        """Return the recorded response; None to send the request to the provider, and record it."""
        asked = (request.method, request.url.path, request.content)
        found = self._player.answer(*asked, is_retry=is_retry(request))
        if found is not None:
            return _response(library, request, self._canon.request(*asked), found)
        if self.records:
            if self._left is not None:
                send_home(request, self._left)
            return None
        message = f"{NOT_IN_RECORDING} {self.shown}. {self._player.explain(*asked)}"
        refusal = Answer(status=NOT_RECORDED, body={"error": {"message": message, "type": "not_recorded"}})
        return _response(library, request, self._canon.request(*asked), refusal)

    def received(
        self, library: ModuleType, request: Any, response: Any, pieces: list[bytes], failure: Exception | None
    ) -> Any:
        """Record the provider's answer, and return it for the client."""
        is_stream = response.headers.get("content-type", "").startswith(EVENT_STREAM)
        if failure is not None and not is_stream:
            self.failed(library, request, failure)
            raise failure
        whole = library.Response(response.status_code, headers=response.headers, content=b"".join(pieces))
        path = endpoint_of(request.url.path)
        if is_stream:
            answer = merged(path, whole.status_code, whole.content, _fault_of(library, failure))
        else:
            answer = Answer(status=whole.status_code, body=_json_of(self.shown, path, whole))
        self._keep(request, answer)
        stream = stream_of(library, pieces, failure)
        return library.Response(response.status_code, headers=response.headers, stream=stream)

    def failed(self, library: ModuleType, request: Any, failure: Exception) -> None:
        """Record that the call failed without an answer."""
        self._keep(request, Answer(fault=_fault_of(library, failure)))

    def _keep(self, request: Any, answer: Answer) -> None:
        """Record a call; of one that the client retries, only the last answer."""
        answer.body, answer.error = self._canon.answered(answer.body), self._canon.answered(answer.error, "error")
        path = endpoint_of(request.url.path)
        kept = Request(method=request.method, path=path, body=self._canon.masked(path, decoded(request.content)))
        earlier = [number for number, exchange in enumerate(self._recorded) if exchange.request == kept]
        if is_retry(request) and earlier:
            self._recorded[earlier[-1]].answer = answer
        else:
            self._recorded.append(Exchange(request=kept, answer=answer))

    @cached_property
    def _recording(self) -> Recording:
        return Recording(ignore=list(self._ignore)) if self._is_new else load(self.path)

    @cached_property
    def _canon(self) -> Canon:
        # Not before the first request: until then the application may configure what it redacts.
        return Canon(configuration().redact, [*self._recording.ignore, *self._ignore])

    @cached_property
    def _player(self) -> Player:
        return Player(self._recording, self._canon)

    def _advice(self) -> str:
        return (
            "If the application is right, record again: `pytest --baserun-record=all` calls the provider, and "
            "`ignore=[...]` of the marker leaves out members of requests that need not be the same."
        )


def _json_of(recording: str, path: str, response: Any) -> Any:
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


def _fault_of(library: ModuleType, failure: Exception | None) -> str | None:
    if failure is None:
        return None
    return "timeout" if isinstance(failure, library.TimeoutException) else "network"


def _failure(library: ModuleType, request: Any, fault: str | None) -> Exception | None:
    if fault == "timeout":
        timeout: Exception = library.ReadTimeout("The recorded call timed out.", request=request)
        return timeout
    if fault == "network":
        error: Exception = library.ReadError("The recorded call lost its connection.", request=request)
        return error
    return None
