"""Forks: records of parent and child are stored once each, and neither waits for a lock of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from baserun.store import open_store

Make = Callable[[str], Any]
"""The type of the fixture `program`; its class is in conftest, which cannot be imported."""

FLAGS = ("-W", "ignore::DeprecationWarning")
"""From Python 3.12 on a fork beside any other thread gives a warning."""

QUEUED = """
    def work():
        baserun.init(store=path, flush_interval=60)
        with baserun.with_session(session_identifier="parent"):
            for number in range(9):
                baserun.log(f"parent {number}")
            child = os.fork()
            if child == 0:
                assert baserun.stats().captured == 0, "the child has what the parent queued"
                with baserun.with_session(session_identifier="child"):
                    for number in range(9):
                        baserun.log(f"child {number}")
                assert baserun.flush(100)
                assert closed().queued == 0
                os._exit(0)
            baserun.log("parent after")
        assert os.waitpid(child, 0)[1] == 0
        assert baserun.flush(100)
        assert closed().stored == 12

    if sys.argv[2] == "main thread":
        work()
    else:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
"""


@pytest.mark.parametrize("where", ["main thread", "another thread"])
def test_records_queued_at_a_fork_are_stored_once(program: Make, messages: Callable[[], list[str]], where: str) -> None:
    """Records queued at a fork are written once by the parent, and not by the child."""
    outcome = program(QUEUED).run(where, flags=FLAGS)

    assert outcome == (0, "", "")
    parents = [f"parent {number}" for number in range(9)]
    assert messages() == sorted([*parents, "parent after", *(f"child {number}" for number in range(9))])


STORM = """
    import faulthandler
    forks = int(sys.argv[2])
    baserun.init(store=path, flush_interval=0.001)
    stop = threading.Event()

    def keep_writing():
        with baserun.with_session(session_identifier="busy"):
            while not stop.is_set():
                baserun.log("x" * 200)
                time.sleep(0.002)

    busy = [threading.Thread(target=keep_writing) for _ in range(2)]
    for thread in busy:
        thread.start()
    until(lambda: baserun.stats().stored)
    for number in range(forks):
        child = os.fork()
        if child == 0:
            faulthandler.dump_traceback_later(100, exit=True)
            with baserun.with_session(session_identifier="children"):
                baserun.log(f"child {number}")
            assert baserun.flush(90), baserun.stats()
            assert closed().queued == 0
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, number
    stop.set()
    for thread in busy:
        thread.join()
    assert baserun.flush(100)
    print(closed().captured)
"""


@pytest.mark.parametrize("forks", [30, pytest.param(1000, marks=pytest.mark.storm)])
def test_forks_while_the_writer_commits(program: Make, messages: Callable[[], list[str]], forks: int) -> None:
    """Children forked at any moment of the writer can record and flush, and the parent loses nothing."""
    status, out, err = program(STORM).run(forks, flags=FLAGS, patience=1000)

    stored = Counter(messages())
    assert (status, err) == (0, ""), err
    assert stored.pop("x" * 200) == int(out) - 2 * 2  # each of the two blocks also recorded its start and its end
    assert stored == {f"child {number}": 1 for number in range(forks)}


CLOSING = """
    def record(text):
        with baserun.with_session(session_identifier="s"):
            baserun.log(text)
        assert baserun.flush(100)

    baserun.init(store=path)
    record("parent")
    store = baserun.open_store(path)
    assert len(store.sessions()) == 1
    (ready, tell_ready), (go, tell_go) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        record("child before")
        os.write(tell_ready, b".")
        os.read(go, 1)
        record("child after")
        os._exit(0)
    os.read(ready, 1)
    assert len(store.sessions()) == 1
    store.close()
    record("parent after")
    if sys.argv[2] == "shutdown":
        assert baserun.shutdown()
    else:
        baserun.init(store=path, environment="another")
    os.write(tell_go, b".")
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.parametrize("closing", ["shutdown", "init"])
def test_a_parent_closes_the_store_beside_its_child(
    program: Make, messages: Callable[[], list[str]], closing: str
) -> None:
    """A child forked from a process that has the store open loses nothing when that process closes it."""
    assert program(CLOSING).run(closing, flags=FLAGS) == (0, "", "")
    assert messages() == ["child after", "child before", "parent", "parent after"]


CHURN = """
    def churn():
        for number in range(sys.maxsize):
            if done.is_set():
                return
            with baserun.with_session(session_identifier="churn"):
                baserun.log("x" * 100)
            if sys.argv[2] == "shutdown":
                baserun.shutdown()
            else:
                baserun.init(store=path, environment=str(number))

    baserun.init(store=path)
    done = threading.Event()
    churning = threading.Thread(target=churn)
    churning.start()
    for number in range(30):
        child = os.fork()
        if child == 0:
            with baserun.with_session(session_identifier="children"):
                baserun.log(f"child {number}")
            assert baserun.flush(90), baserun.stats()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, number
    done.set()
    churning.join()
    assert baserun.shutdown()
"""


@pytest.mark.parametrize("closing", ["shutdown", "init"])
def test_forks_while_the_store_is_opened_and_closed(
    program: Make, messages: Callable[[], list[str]], closing: str
) -> None:
    """A fork while another thread calls `shutdown` or `init` leaves the store intact, and the child can record."""
    assert program(CHURN).run(closing, flags=FLAGS, patience=300) == (0, "", "")

    assert [text for text in messages() if text.startswith("child")] == sorted(f"child {n}" for n in range(30))


def test_forks_while_queries_run(program: Make, messages: Callable[[], list[str]]) -> None:
    """A fork while other threads read the store leaves nothing in the child that it waits for."""
    source = """
    def read():
        while not done.is_set():
            store.sessions()

    sys.setswitchinterval(1e-5)
    baserun.init(store=path)
    store = baserun.open_store(path)
    done = threading.Event()
    reading = [threading.Thread(target=read) for _ in range(4)]
    for thread in reading:
        thread.start()
    for number in range(60):
        child = os.fork()
        if child == 0:
            with baserun.with_session(session_identifier="children"):
                baserun.log(f"child {number}")
            assert baserun.flush(90) and len(store.sessions()) == 1
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0, number
    done.set()
    for thread in reading:
        thread.join()
    """

    assert program(source).run(flags=FLAGS) == (0, "", "")
    assert messages() == sorted(f"child {number}" for number in range(60))


MULTIPROCESSING = """
    import multiprocessing

    def work(name):
        with baserun.with_session(session_identifier=name):
            baserun.log(name)
        assert closed().captured == 3

    if __name__ == "__main__":
        os.environ["BASERUN_FLUSH_INTERVAL"] = "60"
        os.environ["BASERUN_STORE"] = path
        with baserun.with_session(session_identifier="parent"):
            baserun.log("parent")
            context = multiprocessing.get_context(sys.argv[2])
            children = [context.Process(target=work, args=(f"child {number}",)) for number in range(3)]
            for child in children:
                child.start()
            for child in children:
                child.join()
                assert child.exitcode == 0
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_write_before_they_end(
    program: Make, messages: Callable[[], list[str]], method: str
) -> None:
    """A short-lived child of `multiprocessing`, which runs no exit handlers, loses nothing."""
    outcome = program(MULTIPROCESSING).run(method, flags=FLAGS)

    assert outcome == (0, "", "")
    assert messages() == ["child 0", "child 1", "child 2", "parent"]


POOL = """
    import multiprocessing

    def work(name):
        with baserun.with_session(session_identifier=name, auto_end=False):
            baserun.log(name)
        return closed().captured

    if __name__ == "__main__":
        os.environ["BASERUN_FLUSH_INTERVAL"] = "60"
        os.environ["BASERUN_STORE"] = path
        with multiprocessing.get_context(sys.argv[2]).Pool(2) as pool:
            assert sum(pool.map(work, [f"job {number}" for number in range(6)])) >= 12
            if sys.argv[3] == "joined":
                pool.close()
                pool.join()
"""


@pytest.mark.parametrize("end", ["joined", "terminated"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_pool_write_before_their_job_returns(
    program: Make, messages: Callable[[], list[str]], method: str, end: str
) -> None:
    """Nothing that the workers of a pool recorded is lost, though the end of its block kills them."""
    outcome = program(POOL).run(method, end, flags=FLAGS)

    assert outcome == (0, "", "")
    assert messages() == [f"job {number}" for number in range(6)]


def test_worker_of_ray_writes_before_its_task_returns(program: Make, messages: Callable[[], list[str]]) -> None:
    """Nothing is lost when Ray shuts down, and kills the worker."""
    source = """
    import signal

    os.environ["RAY_RAYLET_PID"] = "1"
    baserun.init(store=path, flush_interval=60)
    with baserun.with_session():
        baserun.log("task")
        os.kill(os.getpid(), signal.SIGKILL)
    """

    assert program(source).run() == (-9, "", "")
    assert messages() == ["task"]


def test_workers_of_a_pool_wait_for_a_store_that_is_in_use_for_a_while_only(program: Make) -> None:
    """Records of a worker wait for another writer as long as `exit_timeout` says, all of them together."""
    source = """
    import multiprocessing, fcntl

    def work(_):
        begun = time.monotonic()
        with baserun.with_session():
            for number in range(1000):
                baserun.log("waiting")
        return baserun.stats().queued, time.monotonic() - begun

    if __name__ == "__main__":
        os.environ["BASERUN_STORE"] = path
        os.environ["BASERUN_EXIT_TIMEOUT"] = "0.5"
        with baserun.with_session():
            pass
        assert baserun.flush()
        with open(path + ".lock", "ab") as lock, multiprocessing.get_context("spawn").Pool(1) as pool:
            fcntl.flock(lock, fcntl.LOCK_EX)
            queued, seconds = pool.apply(work, (None,))
            assert queued == 1002
            assert 0.5 <= seconds < 50
    """

    assert program(source).run(flags=FLAGS) == (0, "", "")


def test_workers_of_a_pool_keep_the_default_of_sigterm(program: Make) -> None:
    """A pool that is terminated can rely on SIGTERM: no child gets a handler of ours."""
    source = """
    import multiprocessing, signal

    def handler(_):
        baserun.log("job")
        return signal.getsignal(signal.SIGTERM)

    if __name__ == "__main__":
        os.environ["BASERUN_STORE"] = path
        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply(handler, (None,)) is signal.SIG_DFL
    """

    assert program(source).run(flags=FLAGS) == (0, "", "")


RQ = """
    def perform(name):
        with baserun.extract(carried):
            baserun.log(name)
        assert closed().queued == 2

    def work_horse(name, status):  # as `fork_work_horse` of `rq.worker`
        child = os.fork()
        os.environ["RQ_JOB_ID"] = name
        if child == 0:
            os.setsid()
            perform(name)
            os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    os.environ["BASERUN_FLUSH_INTERVAL"] = "60"
    os.environ["BASERUN_STORE"] = path
    carried = {"baggage": "session.id=chat"}
    if sys.argv[2] == "used before":
        with baserun.extract(carried):
            baserun.log("worker")
    print(work_horse("job 0", 0), work_horse("job 1", 1), flush=True)
    if sys.argv[2] == "used before":
        assert baserun.flush(100)
"""


@pytest.mark.parametrize(("worker", "stored"), [("unused", []), ("used before", ["worker"])])
def test_jobs_of_rq_write_before_they_end(
    program: Make, messages: Callable[[], list[str]], worker: str, stored: list[str]
) -> None:
    """RQ ends the process of a job by `os._exit`; nothing that the job recorded is lost, and the status stays."""
    outcome = program(RQ).run(worker, flags=FLAGS)

    assert outcome == (0, "0 1\n", "")
    assert messages() == ["job 0", "job 1", *stored]


def test_children_that_were_forked_without_hooks_record(
    program: Make, messages: Callable[[], list[str]], path: Path
) -> None:
    """uWSGI forks its workers in C, after it has loaded the application; each records with ids of its own."""
    source = """
    import ctypes

    def work(name):
        with baserun.with_session(session_identifier=name):
            baserun.log(name)
            with baserun.start_trace("t"):
                pass
        assert closed().captured == 4, baserun.stats()
        assert baserun.flush(100)

    baserun.init(store=path, flush_interval=60)  # no thread yet: a fork in C beside one can lock up Python itself
    for number in range(3):
        child = ctypes.PyDLL(None).fork()
        if child == 0:
            work(f"child {number}")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    work("parent")
    """

    assert program(source).run(flags=FLAGS) == (0, "", "")
    assert messages() == ["child 0", "child 1", "child 2", "parent"]
    with closing(open_store(path)) as store:
        assert len({trace.id for trace in store.traces()}) == 4


def test_a_grandchild_records(program: Make, messages: Callable[[], list[str]]) -> None:
    """In a chain of forks each process stores its own records once."""
    source = """
    baserun.init(store=path, flush_interval=60)
    def generation(number):
        with baserun.with_session(session_identifier=f"generation {number}"):
            baserun.log(f"generation {number}")
            if number < 3:
                child = os.fork()
                if child == 0:
                    generation(number + 1)
                    assert baserun.flush(100)
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
    generation(0)
    assert baserun.flush(100)
    assert closed().stored == 3
    """

    outcome = program(source).run(flags=FLAGS)

    assert outcome == (0, "", "")
    assert messages() == [f"generation {number}" for number in range(4)]


def test_a_fork_in_an_outage_loses_nothing(program: Make, messages: Callable[[], list[str]]) -> None:
    """Parent and child of a fork while the store is locked both store their records afterwards."""
    source = """
    import fcntl
    baserun.init(store=path)
    baserun.log("first")
    assert baserun.flush(100)
    lock = os.open(f"{path}.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with baserun.with_session(session_identifier="parent"):
        baserun.log("parent")
        child = os.fork()
        if child == 0:
            with baserun.with_session(session_identifier="child"):
                baserun.log("child")
            assert not baserun.flush(0.01)
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert baserun.flush(100)
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert baserun.flush(100)
    assert closed().queued == 0
    """

    outcome = program(source).run(flags=FLAGS)

    assert outcome == (0, "", "")
    assert messages() == ["child", "parent"]


def test_a_fork_waits_for_imports(program: Make, messages: Callable[[], list[str]]) -> None:
    """A fork while the first batch imports the store's modules is safe: the child inherits no half-imported one."""
    source = """
    baserun.init(store=path, flush_interval=0.001)
    with baserun.with_session(session_identifier="parent"):
        baserun.log("parent")
        time.sleep(float(sys.argv[2]))
        child = os.fork()
        if child == 0:
            with baserun.with_session(session_identifier="child"):
                baserun.log("child")
            assert baserun.flush(100)
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert baserun.flush(100)
    assert closed().queued == 0
    """
    forking = program(source)

    outcomes = [forking.run(moment / 1000, flags=FLAGS) for moment in range(0, 60, 6)]

    assert outcomes == [(0, "", "")] * 10
    assert messages() == ["child"] * 10 + ["parent"] * 10
