"""The offline model as a program: `python -m baserun.testing.offline --port 8123`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from baserun.testing._offline.fault import Fault, parse_fault
from baserun.testing._offline.model import OfflineModel

KEPT = 100  # requests and answers; a program that runs for days must not keep what nobody reads


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; the first line of output is the URL for clients."""
    parser = _parser()
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        model = OfflineModel(host=options.host, port=options.port, seed=options.seed, keep=KEPT)
        if options.fault is not None:
            model.next(options.fault)
        model.start()
    except (TypeError, OSError) as error:
        parser.error(f"cannot serve at {options.host}, port {options.port}: {error}")
    try:
        sys.stdout.write(f"{model.url}\n")
        sys.stdout.flush()
        stopped.wait()
    finally:
        model.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m baserun.testing.offline",
        description="Serve an OpenAI-compatible model that needs no network, and print its URL.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--seed", default="offline", help="what the ids of answers are made from")
    parser.add_argument(
        "--fault",
        type=_fault,
        metavar="TEXT",
        help="a fault from the start, such as times=always,chunk-delay=0.05",
    )
    return parser


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
