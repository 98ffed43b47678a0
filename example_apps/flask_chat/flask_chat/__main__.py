"""Run the chat: ``python -m flask_chat``."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from contextlib import ExitStack

from baserun.testing import OfflineModel
from flask_chat import create_app


def main() -> None:
    """Serve until Ctrl-C: with the provider when ``OPENAI_API_KEY`` is set, else with a model that works offline."""
    parser = argparse.ArgumentParser(prog="python -m flask_chat", description=main.__doc__)
    parser.add_argument("--port", type=int, default=5000, help="default: %(default)s")
    options = parser.parse_args()
    with ExitStack() as stack:
        if not os.environ.get("OPENAI_API_KEY"):
            os.environ.update(stack.enter_context(OfflineModel(keep=100)).environment())
            sys.stdout.write("OPENAI_API_KEY is not set: the offline model answers.\n")
        if not os.environ.get("CHAT_STAFF_PASSWORD"):
            os.environ["CHAT_STAFF_PASSWORD"] = secrets.token_urlsafe(9)
            sys.stdout.write(f"Staff: staff@example.com, password {os.environ['CHAT_STAFF_PASSWORD']}\n")
        sys.stdout.flush()
        create_app().run(port=options.port, threaded=True)


if __name__ == "__main__":
    main()
