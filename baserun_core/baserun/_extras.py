"""What to say when packages of an extra are not installed."""

from __future__ import annotations


def not_installed(who_needs: str, package: str | None, extra: str) -> str:
    """Return the message for a missing package; `who_needs` begins its sentence, such as ``The pages need``."""
    return f"{who_needs} the package {package}, which is not installed. {how_to_install(extra)}"


def how_to_install(extra: str) -> str:
    """Return the sentence with the pip command; from a checkout, since no index has this version."""
    return f'Install the extra, from a checkout of Baserun: pip install ".[{extra}]"'
