"""Instrumenting LLM clients: at once if they are imported, otherwise as soon as they are."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

from baserun._guard import guarded

CLIENTS = {"openai": "baserun_openai"}
"""Each client's import name, and the integration with ``instrument()`` and ``uninstrument()`` for it."""
_IMPORT_POLL = 0.01
"""Seconds between two checks whether an import is complete."""


def instrument(clients: Iterable[str]) -> None:
    """Record the calls of these clients from their import on, and restore the others to their state before.

    A client that is instrumented already stays so throughout: calls that other threads make meanwhile are recorded.
    """
    wanted = tuple(clients)
    _stop_watching()
    for client in CLIENTS:
        if client not in wanted:
            _switch_off(client)
    missing = []
    for client in wanted:
        if _is_imported(client):
            _switch_on(client)
        else:
            missing.append(client)
    if missing:
        watcher = _ImportWatcher(missing)
        sys.meta_path.insert(0, watcher)
        for client in missing:
            if client in sys.modules:  # its import began before there was a watcher
                name = f"baserun-import-{client}"
                threading.Thread(target=watcher.wait_for, args=(client,), name=name, daemon=True).start()


def uninstrument() -> None:
    """Restore every client to its state before `instrument`."""
    instrument(())


def _stop_watching() -> None:
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _ImportWatcher)]


def _is_imported(client: str) -> bool:
    module = sys.modules.get(client)
    # While a package is still being imported its modules are incomplete.
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def _switch_on(client: str) -> None:
    with guarded(f"recording the calls of {client}"):
        importlib.import_module(CLIENTS[client]).instrument()


def _switch_off(client: str) -> None:
    integration = sys.modules.get(CLIENTS[client])
    if client in sys.modules and integration is not None:
        with guarded(f"leaving {client} as it was"):
            integration.uninstrument()


class _ImportWatcher(importlib.abc.MetaPathFinder):
    """Finds no module itself; it notices when a client's import is complete."""

    def __init__(self, clients: Sequence[str]) -> None:
        self.waiting = set(clients)

    def wait_for(self, client: str) -> None:
        """Instrument `client` when its import, running in another thread or in our caller, is complete."""
        while client in sys.modules and not _is_imported(client):
            time.sleep(_IMPORT_POLL)
        if client in sys.modules and self in sys.meta_path:  # Baserun may have been shut down meanwhile
            _switch_on(client)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.waiting:
            return None
        spec = _find_elsewhere(fullname, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _NotifyingLoader(spec.loader, fullname)
        return spec


def _find_elsewhere(
    fullname: str, path: Sequence[str] | None, target: ModuleType | None
) -> importlib.machinery.ModuleSpec | None:
    for finder in list(sys.meta_path):
        if not isinstance(finder, _ImportWatcher):
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
    return None


class _NotifyingLoader(importlib.abc.Loader):
    """The client's own loader, which instruments the client after loading it."""

    def __init__(self, loader: Any, client: str) -> None:
        self._loader = loader
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)  # code that inspects the spec may use more of the loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        # Tools read a module's loader: it must be the original one.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        watchers = [finder for finder in sys.meta_path if isinstance(finder, _ImportWatcher)]
        if any(self._client in watcher.waiting for watcher in watchers):  # Baserun may have been shut down meanwhile
            _switch_on(self._client)
