"""``baserun ui``"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from typing import TYPE_CHECKING

import click

from baserun.cli._browser import open_browser
from baserun.cli._extras import require_extra
from baserun.cli._groups import Problem
from baserun.cli._serving import end_quietly
from baserun.cli._stores import configuration, location, store_url_option
from baserun.cli._types import PORT_NUMBER
from baserun.exceptions import ConfigurationError

if TYPE_CHECKING:
    from baserun_monitor import Pages

PORT = 4320  # beside 4317 and 4318, where OpenTelemetry listens
_NEEDED = ("starlette", "uvicorn", "jinja2")
_PATIENCE = 1  # seconds that open pages get when the server stops


@click.command(short_help="Look at sessions, users and traces in a browser.")
@click.argument("store_argument", metavar="[STORE]", required=False)
@store_url_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve on.")
@click.option("--port", default=PORT, show_default=True, type=PORT_NUMBER, help="0 takes a free one.")
@click.option("--key", envvar="BASERUN_UI_KEY", show_envvar=True, help="What visitors must type; needed with --host.")
@click.option("--hostname", "names", multiple=True, metavar="NAME", help="A name under which the pages are visited.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def ui(
    store_argument: str | None,
    store_url: str | None,
    host: str,
    port: int,
    key: str | None,
    names: tuple[str, ...],
    no_browser: bool,
) -> None:
    """Serve the pages until Ctrl-C.

    On this machine alone they need no key; on any other address they do not start without one.
    """
    if store_argument is not None and store_url is not None:
        raise click.UsageError(f"There are two stores, {store_argument} and {store_url}; name one.")
    require_extra("monitor", "The pages need", _NEEDED)
    pages = _pages(store_argument or store_url, host, key, names)
    with _listening(host, port) as listening:
        address = _address(host, listening.getsockname()[1])
        click.echo(f"Baserun shows {pages.site.place} on {address} (Ctrl-C ends)")
        if not no_browser:
            open_browser(address)
        _serve(pages, listening)


def _pages(url: str | None, host: str, key: str | None, names: tuple[str, ...]) -> Pages:
    from baserun_monitor import LOOPBACK, Pages

    place = location(url)
    if place.is_temporary:
        raise Problem("A store in memory is gone with the program that fills it; name a file.")
    if key is None and not _is_loopback(host):
        raise Problem(
            f"{host} can be reached from other machines, and the pages show what users said. Give a key that visitors "
            "must type, in the environment as BASERUN_UI_KEY or with --key, or leave --host out."
        )
    hosts = (*LOOPBACK, *names)
    try:
        if key is not None:
            return Pages(place, key=key, hosts=hosts, user_key=configuration(url)[0].user_key)
        return Pages(place, allow=lambda _: True, hosts=hosts, user_key=configuration(url)[0].user_key)
    except ConfigurationError as error:
        raise Problem(str(error)) from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if os.name != "nt":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # from now on visitors wait for the server instead of being refused
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise Problem(f"Port {port} of {host} cannot be used: {reason}. Choose another with --port.") from error
    return listening


def _address(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _serve(pages: Pages, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        pages, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=_PATIENCE
    )
    server = uvicorn.Server(config)
    end_quietly()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
