"""The conversations of the visitors: real requests to the application, answered by the offline model, and recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

from baserun.testing import Fault, OfflineModel
from baserun_demo._visitor import Visitor

PIECE_SECONDS = 0.02
"""Pause between two pieces of an answer, so that one can watch it arrive."""
THINKING_SECONDS = 1.5
"""Pause between two messages of a visitor."""
TRIES = 3
"""Attempts of the openai client: the first, and two retries."""
MEANT = "Overloaded: the demo made this happen"


class DemoOverError(Exception):
    """The demo was ended during a conversation."""


class Story:
    """Simulates visitors of the application at `url`, which gets its answers from `model`."""

    def __init__(self, url: str, model: OfflineModel) -> None:
        self._url = url
        self._model = model
        self._is_over = threading.Event()
        self._ada_browser = Visitor(url, "ada@example.com")

    def stop(self) -> None:
        """End all conversations before their next message."""
        self._is_over.set()

    def play(self) -> None:
        """Play all conversations; takes about half a minute."""
        self._model.next(Fault(times=None, chunk_delay=PIECE_SECONDS))
        try:
            self._together(self._ada, self._ben, self._chloe)
            self._refusing(self._dev, Fault(status=429, times=TRIES - 1, retry_after_ms=200))
            self._refusing(self._elif, Fault(status=503, times=TRIES, retry_after_ms=200, message=MEANT))
            self._together(self._ada_later, self._fay)
        except DemoOverError:
            pass
        except (OSError, HTTPException):
            if not self._is_over.is_set():  # otherwise the server has stopped
                raise

    def _together(self, *people: Callable[[], None]) -> None:
        """Run these conversations at the same time."""
        with ThreadPoolExecutor(len(people)) as pool:
            for done in [pool.submit(person) for person in people]:
                done.result()

    def _refusing(self, person: Callable[[], None], fault: Fault) -> None:
        """Run one conversation, alone, in which the provider fails by `fault`."""
        self._model.clear()
        self._model.script(fault, Fault(times=None, chunk_delay=PIECE_SECONDS))
        person()

    def _ada(self) -> None:
        ada = self._ada_browser
        ada.log_in()
        ada.ask("Hello! Where is my order 4711?")
        self._think()
        ada.judge(ada.ask("Then please tell me how I can cancel it."), thumbsup=True)

    def _ben(self) -> None:
        ben = self._visitor("ben")
        ben.ask("Which of your inks is waterproof?")
        self._think()
        ben.ask("And can I use it in my fountain pen?")
        self._think()
        ben.judge(ben.ask("Thank you!"), thumbsup=True, comment="Knows its inks")

    def _chloe(self) -> None:
        chloe = self._visitor("chloe")
        chloe.ask("Tell me about paper for notebooks", leave_after=30)
        self._think()
        chloe.judge(chloe.ask("That was too long. A short answer please."), thumbsup=False, comment="Too long at first")

    def _dev(self) -> None:
        self._visitor("dev").ask("How do I get a refund?")

    def _elif(self) -> None:
        elif_ = self._visitor("elif")
        elif_.judge(elif_.ask("Is there a present for my sister's birthday?"), thumbsup=False, comment="No answer")
        self._think()
        elif_.ask("Once more: a present for a birthday?")

    def _ada_later(self) -> None:
        ada = self._ada_browser
        ada.ask("When are you open?")
        self._think()
        ada.start_again()
        ada.ask("Can I still return the ink of order 4713?")

    def _fay(self) -> None:
        fay = self._visitor("fay")
        fay.judge(fay.ask("What about my orders 4712 and 4799?"), thumbsup=True)

    def _visitor(self, name: str) -> Visitor:
        if self._is_over.is_set():
            raise DemoOverError
        visitor = Visitor(self._url, f"{name}@example.com")
        visitor.log_in()
        return visitor

    def _think(self) -> None:
        if self._is_over.wait(THINKING_SECONDS):
            raise DemoOverError
