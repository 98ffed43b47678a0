"""The store that a command works on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from baserun._config import Config, Sources, resolve
from baserun.cli._groups import Problem
from baserun.exceptions import ConfigurationError
from baserun.store import StoreLocation, open_store

store_url_option = click.option(
    "--store", "store_url", metavar="URL", help="The store: a path or URL. [default: BASERUN_STORE, or ./.baserun]"
)
_URL = "baserun.store_url"
_PLACE = "baserun.store_location"


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the option ``--store``, and the location of that store as its first argument."""

    @store_url_option
    @functools.wraps(command)
    def with_location(*args: Any, store_url: str | None, **options: Any) -> Any:
        return command(location(store_url), *args, **options)

    return with_location


def opened_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the option ``--store``, and the open store as its first argument; fail if there is none."""

    @store_option
    @functools.wraps(command)
    def with_store(place: StoreLocation, *args: Any, **options: Any) -> Any:
        require(place)
        click.get_current_context().meta[_PLACE] = place
        store = open_store(place)
        try:
            return command(store, *args, **options)
        finally:
            store.close()

    return with_store


def opened_location() -> StoreLocation:
    """Return the location of the store that the running command has opened."""
    place = click.get_current_context().meta[_PLACE]
    assert isinstance(place, StoreLocation)
    return place


def remember(ctx: click.Context, store_url: str | None) -> None:
    """Keep the ``--store`` that was given before the name of the command."""
    ctx.meta[_URL] = store_url


def configuration(store_url: str | None) -> tuple[Config, Sources]:
    """Return the configuration of an application started here, with the store of `store_url` if it is given."""
    context = click.get_current_context()
    url = store_url or context.meta.get(_URL)
    config, sources = resolve({**(context.obj or {}), **({} if url is None else {"store": url})})
    of = {name: "application" if source == "init" else source for name, source in sources.of.items()}
    return config, Sources(of if url is None else {**of, "store": "--store"}, sources.problems)


def location(store_url: str | None) -> StoreLocation:
    """Return the location of the store.

    Raises:
        ConfigurationError: The option or the environment does not name a usable store.
    """
    config, sources = configuration(store_url)
    for problem in sources.problems:
        if problem.startswith("BASERUN_STORE "):
            raise ConfigurationError(problem.replace("is ignored", "cannot be used"))
    assert isinstance(config.store, StoreLocation)
    return config.store


def require(place: StoreLocation) -> None:
    """Raise `Problem` with advice if there is no store.

    Raises:
        StoreUnavailableError: Whether there is one cannot be found out.
    """
    from baserun.store.sqlite._connection import identity

    if place.is_temporary:
        raise Problem("A store in memory is gone with the program that fills it; name a file with --store.")
    if identity(place.path) is None:
        raise Problem(
            f"There is no store at {place.path} yet. The first recorded session makes one: run your application with "
            "baserun from this folder, or name its store with --store PATH or BASERUN_STORE."
        )
