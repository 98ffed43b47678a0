"""What happens to which request: the steps that a test has chosen, and the faults that requests ask for."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from hashlib import sha256

from baserun.testing._offline.errors import RequestError
from baserun.testing._offline.exchange import ReceivedRequest
from baserun.testing._offline.fault import HEADER, Fault, parse_fault
from baserun.testing._offline.reply import Reply

Step = Fault | Reply | None
"""What happens to one request: a fault, a reply, or None for a normal answer."""


class Script:
    """The steps of a test, which requests take in the order in which they arrive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: deque[Step] = deque()
        self._hits = 0

    def add(self, step: Step) -> None:
        """Append a step."""
        with self._lock:
            self._steps.append(step)

    def clear(self) -> None:
        """Forget the remaining steps."""
        with self._lock:
            self._steps.clear()
            self._hits = 0

    def take(self) -> Step:
        """Return the step of the request that just arrived; a fault stays until it has hit as often as it says."""
        with self._lock:
            if not self._steps:
                return None
            step = self._steps[0]
            self._hits += 1
            times = step.times if isinstance(step, Fault) else 1
            if times is not None and self._hits >= times:
                self._steps.popleft()
                self._hits = 0
            return step


class RequestedFaults:
    """Faults that requests ask for, in the header `X-Offline-Fault` or after `#` in the name of the model."""

    def __init__(self) -> None:
        self._hits: Counter[bytes] = Counter()

    def find(self, request: ReceivedRequest, deployment: str | None) -> Fault | None:
        """Return the fault that hits this attempt, or None.

        Raises:
            RequestError: The fault cannot be read.
        """
        text = request.headers.get(HEADER) or _in_model_name(request, deployment)
        if not text:
            return None
        try:
            fault = parse_fault(text)
        except ValueError as error:
            raise RequestError(f"X-Offline-Fault: {error}", code="offline_fault") from None
        return fault if fault.times is None or self._attempt(request) < fault.times else None

    def _attempt(self, request: ReceivedRequest) -> int:
        """Return how often the same call was tried before."""
        told = request.headers.get("x-stainless-retry-count", "")
        if told.isdigit():
            return int(told)
        key = sha256(f"{request.method} {request.path}\n".encode() + request.body).digest()
        self._hits[key] += 1
        return self._hits[key] - 1


def _in_model_name(request: ReceivedRequest, deployment: str | None) -> str | None:
    if b"#" not in request.body:
        return (deployment or "").partition("#")[2]
    try:
        model = json.loads(request.body).get("model")
    except (ValueError, AttributeError):
        return None
    return str(model).partition("#")[2]
