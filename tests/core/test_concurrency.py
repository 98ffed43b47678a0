"""Many users at once, in threads and in tasks: no span in a wrong session, and the right session after every exit.

Each worker performs actions chosen by a seeded generator: it opens, nests, resumes, links, fails, is cancelled, and
hands generators to the other workers. It keeps its own record of which session must be current and in which session it
did what; it compares the first after every step, and at the end the store is compared with the records of all workers.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import signal
import threading
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import pytest

import baserun
from baserun.testing import Captured, capture

USERS = 50
DEPTH = 3


class Oops(Exception):
    """An error of the application."""


class Place:
    """The session that must be current in a block; blocks that inherit it share one `Place`."""

    def __init__(self, session: baserun.Session | None) -> None:
        self.session = session


class Stage:
    """State that the workers share: generators that any of them may continue, and what was done in which session."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.generators: list[Generator[None, None, None]] = []
        self.told: dict[str, str | None] = {}
        """Ids of sessions by the unique name of the span or trace."""
        self.owners: dict[str, str] = {}
        """Users by the id of the session."""
        self.wrong: list[str] = []
        self.helpers = ThreadPoolExecutor(4)

    def take_generator(self, die: random.Random) -> Generator[None, None, None] | None:
        with self.lock:
            return self.generators.pop(die.randrange(len(self.generators))) if self.generators else None

    def leave_generator(self, generator: Generator[None, None, None]) -> None:
        with self.lock:
            self.generators.append(generator)


class Worker:
    """One thread or task."""

    def __init__(self, stage: Stage, number: int, pause: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.stage = stage
        self.name = f"w{number}"
        self.die = random.Random(number)
        self.pause = pause
        self.count = 0
        self.acts = (
            self.work,
            self.work_in_a_thread,
            self.inherit,
            self.other_session,
            self.other_user,
            self.traced,
            self.identify,
            self.fail,
            self.leave_out_of_order,
            self.leave_elsewhere,
            self.begin_generator,
            self.go_on_with_generator,
        )

    def new_name(self) -> str:
        self.count += 1
        return f"{self.name}-{self.count}"

    def check(self, place: Place, after: str) -> None:
        current = baserun.current_session()
        if current is not place.session:
            self.stage.wrong.append(f"{self.name} after {after}: {current} instead of {place.session}")

    def tell(self, place: Place) -> str:
        name = self.new_name()
        self.stage.told[name] = None if place.session is None else place.session.id
        return name

    async def visit(self, user: str) -> None:
        """Act as one user who continues their conversation."""
        nowhere = Place(None)
        self.check(nowhere, "entering")
        with baserun.with_session(user, session_identifier=f"chat of {user}") as session:
            self.stage.owners[session.id] = user
            await self.act(Place(session), 0)
        self.check(nowhere, "the visit")

    async def act(self, place: Place, depth: int) -> None:
        for _ in range(self.die.randint(1, 2)):
            await self.pause()
            self.check(place, "a pause")
            acts = self.acts[:2] if depth == DEPTH else self.acts
            act = self.die.choice(acts)
            with suppress(Oops):
                await act(place, depth + 1)
            self.check(place, act.__name__)

    async def work(self, place: Place, depth: int) -> None:
        with baserun.span(self.tell(place)):
            await self.pause()
            self.check(place, "a pause in a span")

    async def work_in_a_thread(self, place: Place, depth: int) -> None:
        def work() -> None:
            with baserun.span(self.tell(place)):
                self.check(place, "getting into a thread")

        self.stage.helpers.submit(baserun.propagate(work)).result()

    async def inherit(self, place: Place, depth: int) -> None:
        with baserun.with_session():
            await self.act(place, depth)

    async def other_session(self, place: Place, depth: int) -> None:
        with baserun.with_session(session_identifier=self.new_name()) as session:
            await self.act(Place(session), depth)

    async def other_user(self, place: Place, depth: int) -> None:
        user = self.new_name()
        is_known = place.session is not None and place.session.user_identifier is not None
        with baserun.with_session(user) as session:
            self.stage.owners[session.id] = user
            await self.act(Place(session) if is_known else place, depth)

    async def traced(self, place: Place, depth: int) -> None:
        with baserun.start_trace(self.tell(place), new=self.die.random() < 0.5):
            await self.act(place, depth)

    async def identify(self, place: Place, depth: int) -> None:
        user = self.new_name()
        place.session = baserun.identify(user)
        if place.session is not None:
            self.stage.owners[place.session.id] = user

    async def fail(self, place: Place, depth: int) -> None:
        with baserun.with_session(session_identifier=self.new_name()) as session, baserun.start_trace(self.new_name()):
            await self.act(Place(session), depth)
            raise Oops

    async def leave_out_of_order(self, place: Place, depth: int) -> None:
        outer = baserun.with_session(session_identifier=self.new_name())
        inner = baserun.with_session(session_identifier=self.new_name())
        with ExitStack() as stack:
            stack.push(outer)
            outer.__enter__()
            stack.push(inner)
            session = inner.__enter__()
            outer.__exit__(None, None, None)
            await self.act(Place(session), depth)

    async def leave_elsewhere(self, place: Place, depth: int) -> None:
        block = baserun.with_session(session_identifier=self.new_name())
        session = block.__enter__()
        try:
            await self.act(Place(session), depth)
        finally:
            contextvars.copy_context().run(block.__exit__, None, None, None)

    async def begin_generator(self, place: Place, depth: int) -> None:
        session_id = self.new_name()

        @baserun.with_session(session_identifier=session_id)
        def steps() -> Generator[None, None, None]:
            session = baserun.current_session()
            if session is None or session.id != session_id:
                self.stage.wrong.append(f"{session_id} began in {session}")
            mine = Place(session)
            with baserun.span(self.tell(mine)):
                while True:
                    yield
                    self.check(mine, "going on with a generator")
                    with baserun.span(self.tell(mine)):
                        pass

        generator = steps()
        next(generator)
        self.stage.leave_generator(generator)

    async def go_on_with_generator(self, place: Place, depth: int) -> None:
        generator = self.stage.take_generator(self.die)
        if generator is not None and self.die.random() < 0.5:
            generator.close()
        elif generator is not None:
            next(generator)
            self.stage.leave_generator(generator)


@pytest.fixture(name="stage")
def _stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.helpers.shutdown()


def check_store(captured: Captured, stage: Stage) -> None:
    """Check that the store has everything in the session in which it was done, with the right user."""
    for generator in stage.generators:
        generator.close()
    stored: dict[str, set[str | None]] = {}
    for trace in captured.traces:
        stored.setdefault(trace.name, set()).add(trace.session_id)
        for span in trace.spans or []:
            stored.setdefault(span.name, set()).add(trace.session_id)
    owners = {session.id: session.user_identifier for session in captured.sessions}

    assert stage.wrong == []
    assert {name: stored.get(name) for name in stage.told} == {name: {where} for name, where in stage.told.items()}
    assert {where: owners[where] for where in stage.owners} == stage.owners
    assert captured.stats.dropped == {}


@types.coroutine
def _yield() -> Iterator[None]:
    yield


async def _pause_of_a_thread() -> None:
    await _yield()


def run_in_this_thread(play: Coroutine[Any, Any, None], die: random.Random) -> None:
    """Run a coroutine step by step; one in five is cancelled on the way."""
    steps_left = die.randint(1, 30) if die.random() < 0.2 else None
    try:
        while True:
            if steps_left == 0:
                play.throw(asyncio.CancelledError())
            play.send(None)
            steps_left = None if steps_left is None else steps_left - 1
    except (StopIteration, asyncio.CancelledError):
        return


def test_sixteen_threads_and_fifty_users(stage: Stage) -> None:
    """Sixteen threads that each serve fifty users record everything in the right session."""

    def serve(number: int) -> None:
        worker = Worker(stage, number, _pause_of_a_thread)
        for user in range(USERS):
            run_in_this_thread(worker.visit(f"user {user}"), worker.die)
            worker.check(Place(None), "a visit that may have been cancelled")

    with capture() as captured:
        threads = [threading.Thread(target=serve, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        check_store(captured, stage)


def test_a_thousand_tasks_and_fifty_users(stage: Stage) -> None:
    """A thousand tasks, one in five cancelled on the way, record everything in the right session."""

    async def serve(number: int) -> None:
        worker = Worker(stage, number, lambda: asyncio.sleep(0))
        try:
            await worker.visit(f"user {number % USERS}")
        finally:
            worker.check(Place(None), "a visit that may have been cancelled")

    async def main() -> None:
        die = random.Random(0)
        tasks = [asyncio.create_task(serve(number)) for number in range(1000)]
        for task in die.sample(tasks, 200):
            await asyncio.sleep(0)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [result for result in results if isinstance(result, Exception)]
        assert failures == []

    with capture() as captured:
        asyncio.run(main())

        check_store(captured, stage)


def test_finalisers_that_record(captured: Captured) -> None:
    """A record made by a finaliser is stored whenever the object is collected, even in the middle of recording."""

    class Resource:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            baserun.log("closed")

    gc.collect()  # garbage of other tests in this process may record as well
    before = captured.stats.captured
    threshold = gc.get_threshold()
    gc.set_threshold(5)  # so that collections happen while recording
    try:
        with baserun.start_trace("trace"):
            for number in range(300):
                Resource()
                baserun.log({"number": number})
    finally:
        gc.set_threshold(*threshold)
        gc.collect()
    with baserun.start_trace("later"):
        pass

    stats = captured.stats
    assert (stats.captured, stats.stored, stats.dropped) == (before + 602, before + 602, {})


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
def test_signal_handlers_that_record(captured: Captured) -> None:
    """A signal handler that records in the middle of recording neither blocks nor loses anything."""
    handled = 0

    def handle(*_: Any) -> None:
        nonlocal handled
        handled += 1
        baserun.log("interrupted")

    previous = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        logged = 0
        while handled < 50:
            with baserun.with_session(), baserun.start_trace("trace"), baserun.span("step"):
                baserun.log("hello")
            logged += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

    stats = captured.stats
    assert (stats.captured, stats.stored, stats.dropped) == (5 * logged + handled, 5 * logged + handled, {})


def test_full_queue_and_a_handler_that_records_lose_no_count() -> None:
    """Every record that is dropped is counted, also when finalisers record in several threads."""

    class Resource:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            baserun.log("closed")

    def work() -> None:
        for _ in range(500):
            Resource()
            baserun.log("hello")

    with capture(queue_bytes=1000) as captured:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()

        stats = captured.stats

    assert stats.captured == 4000
    assert stats.stored + stats.dropped["queue_full"] == 4000
