"""Run the chat: ``python run.py``."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from contextlib import ExitStack

import django
from django.core.management import call_command

from baserun.testing import OfflineModel


def main() -> None:
    """Serve until Ctrl-C: with the provider when ``OPENAI_API_KEY`` is set, else with a model that works offline."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_chat.settings")
    os.environ.setdefault("CHAT_DEBUG", "1")  # this script is for development, like `runserver`
    with ExitStack() as stack:
        if not os.environ.get("OPENAI_API_KEY"):
            os.environ.update(stack.enter_context(OfflineModel(keep=100)).environment())
            sys.stdout.write("OPENAI_API_KEY is not set: the offline model answers.\n")
        django.setup()
        call_command("migrate", verbosity=0)
        make_staff()
        sys.stdout.flush()
        call_command("runserver", str(options.port), use_reloader=False)


def make_staff() -> None:
    """Create a staff user if there is none; without ``CHAT_STAFF_PASSWORD`` its password is random, and printed."""
    from django.contrib.auth.models import User

    if not User.objects.filter(is_staff=True).exists():
        password = os.environ.get("CHAT_STAFF_PASSWORD") or secrets.token_urlsafe(9)
        User.objects.create_superuser("staff", "staff@example.com", password)
        if not os.environ.get("CHAT_STAFF_PASSWORD"):
            sys.stdout.write(f"Staff: user staff, password {password}\n")


if __name__ == "__main__":
    main()
