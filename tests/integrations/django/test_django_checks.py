"""The checks of `manage.py check`, and the command `manage.py baserun`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client, override_settings

import baserun
from baserun.exceptions import ConfigurationError
from baserun.testing import Captured
from baserun_django import BaserunMiddleware
from baserun_django import _checks as checks
from baserun_django._checks import check_settings
from baserun_django._settings import current_policy

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = "baserun_django.BaserunMiddleware"


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([AUTHENTICATION, OURS], []),
        ([AUTHENTICATION], ["baserun.W001"]),
        ([OURS], ["baserun.W002"]),
        ([OURS, AUTHENTICATION], ["baserun.W002"]),
        ([AUTHENTICATION, OURS, OURS], ["baserun.W003"]),
    ],
)
def test_order_is_checked(middleware: list[str], expected: list[str]) -> None:
    """A missing, misplaced or repeated middleware is reported, with a hint."""
    with override_settings(MIDDLEWARE=middleware):
        messages = check_settings()

    assert [message.id for message in messages] == expected
    assert all(message.hint for message in messages)


@pytest.mark.usefixtures("captured")
def test_own_users_need_no_authentication() -> None:
    """If `get_user` is set, Django's authentication is not required."""
    with override_settings(MIDDLEWARE=[OURS], BASERUN={"get_user": lambda request: None}):
        messages = check_settings()

    assert messages == []


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize(
    "setting", [["cookie"], {"exclude": []}, {"cookie": "no spaces"}, {"get_user": "nowhere.at.all"}, {"sotre": "x"}]
)
def test_options_are_checked(setting: object) -> None:
    """An invalid setting is an error of the check."""
    with override_settings(MIDDLEWARE=[AUTHENTICATION, OURS], BASERUN=setting):
        messages = check_settings()

    assert [message.id for message in messages] == ["baserun.E001"]


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize("path", ["", "get_user", "nowhere.get_user", "os.path.get_user"])
def test_get_user_that_cannot_be_imported(path: str) -> None:
    """A path of `get_user` that leads nowhere is told by the check and by the middleware, with the option's name."""
    told = f"get_user must be a function or its path, such as 'project.users.get_user'; {path!r} cannot be imported"
    with override_settings(MIDDLEWARE=[AUTHENTICATION, OURS], BASERUN={"get_user": path}):
        (message,) = check_settings()
        with pytest.raises(ConfigurationError) as raised:
            BaserunMiddleware(lambda request: None)

    assert (message.hint or "").startswith(told)
    assert f"{raised.value}".startswith(told)


@pytest.mark.usefixtures("captured")
def test_checks_leave_the_keys_alone() -> None:
    """The checks do not change the keys: a token made outside of a request is still valid for the project."""
    with override_settings(BASERUN={"cookie": "made_here"}):
        policy = current_policy()

        check_settings()
        with baserun.with_session("ann") as session:
            ticket = policy.keys.read(session.token)

    assert ticket.session_id == session.id


@pytest.mark.usefixtures("captured")
def test_authentication_of_the_projects_own_counts() -> None:
    """A subclass of Django's AuthenticationMiddleware counts as authentication."""
    with override_settings(MIDDLEWARE=[f"{__name__}.{own_authentication().__name__}", OURS]):
        messages = check_settings()

    assert messages == []


def own_authentication() -> type:
    from django.contrib.auth.middleware import AuthenticationMiddleware

    class Own(AuthenticationMiddleware):
        pass

    setattr(sys.modules[__name__], Own.__name__, Own)
    return Own


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"SECRET_KEY": ""}, "There is no SECRET_KEY to sign sessions with."),
        ({"SECRET_KEY_FALLBACKS": ["old", ""]}, "SECRET_KEY_FALLBACKS has an empty entry."),
    ],
)
def test_secrets_are_checked(captured: Captured, setting: dict[str, object], said: str) -> None:
    """A missing secret is reported by the check, and fails no request."""
    with override_settings(MIDDLEWARE=[OURS], BASERUN={"get_user": lambda request: None}, **setting):
        messages = check_settings()
        answer = Client().post("/chat/orders/")

    assert [(message.id, message.msg) for message in messages] == [("baserun.W004", said)]
    assert (answer.status_code, len(captured.sessions)) == (200, 1)


def test_every_check_is_documented() -> None:
    """docs/django.md lists the ids of all checks."""
    page = (Path(__file__).parents[3] / "docs" / "django.md").read_text()
    ids = re.findall(r"baserun\.[EW]\d{3}", Path(checks.__file__ or "").read_text())

    assert set(ids) == set(re.findall(r"`(baserun\.[EW]\d{3})`", page))


PROJECT = """
import sys
from django.conf import settings
settings.configure(SECRET_KEY="s", INSTALLED_APPS=["baserun_django"], MIDDLEWARE=["baserun_django.BaserunMiddleware"],
    BASERUN={"store": "conversations.sqlite3", "get_user": lambda request: None})
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


def test_command_finds_users_with_the_key_of_the_settings(tmp_path: Path) -> None:
    """With a `user_key` in the settings, the command finds and erases a user by e-mail; `doctor` reports the key."""
    options = '"store"', '"user_key": "a secret", "redact": lambda text, path: text, "store"'
    (tmp_path / "manage.py").write_text(PROJECT.replace(*options))
    record = "import baserun\nwith baserun.with_session(baserun.hash_user('ada@example.com'), 'chat-1'): pass"
    environment = {**os.environ, "BASERUN_STORE": "conversations.sqlite3", "BASERUN_USER_KEY": "a secret"}
    subprocess.run([sys.executable, "-c", record], cwd=tmp_path, env=environment, check=True, timeout=60)

    def shown(*arguments: str) -> str:
        command = [sys.executable, "manage.py", "baserun", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout

    assert "chat-1" in shown("sessions", "list", "--user", "ada@example.com")
    assert "user_key\tset, not shown (application)" in shown("doctor")
    assert json.loads(shown("doctor", "--json"))["configuration"]["redact"]["value"] == "a function"
    assert "1 session" in shown("users", "erase", "ada@example.com", "--yes")


def test_command_reads_the_store_of_the_settings(tmp_path: Path) -> None:
    """``manage.py baserun`` runs the command line on the store of the settings."""
    (tmp_path / "manage.py").write_text(PROJECT)
    record = "import baserun\nwith baserun.with_session(session_identifier='chat-1'): pass"
    environment = {**os.environ, "BASERUN_STORE": "conversations.sqlite3"}
    subprocess.run([sys.executable, "-c", record], cwd=tmp_path, env=environment, check=True, timeout=60)

    shown = subprocess.run(
        [sys.executable, "manage.py", "baserun", "sessions", "list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "chat-1" in shown.stdout, shown.stderr


def test_check_of_a_real_project(tmp_path: Path) -> None:
    """`manage.py check` runs the checks in a project that lists the app."""
    (tmp_path / "manage.py").write_text(PROJECT.replace('"store"', '"sotre"'))

    checked = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )

    assert checked.returncode == 1
    assert "baserun.E001" in checked.stderr
    assert "did you mean 'store'" in checked.stderr
