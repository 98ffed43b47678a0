"""The type of the module `baserun`, for attributes that do something when read or assigned."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_LAZY = ("cli", "instrumentation", "signals", "store", "testing", "web")


class BaserunModule(ModuleType):
    """`baserun`, with ``baserun.api_key = ...`` as an option of `baserun.init`."""

    @property
    def api_key(self) -> str | None:
        from baserun._current import option

        value: str | None = option("api_key")
        return value

    @api_key.setter
    def api_key(self, value: str | None) -> None:
        from baserun._current import set_option

        set_option("api_key", value)

    @property
    def __version__(self) -> str:
        from importlib.metadata import version

        return version("baserun")

    def __setattr__(self, name: str, value: Any) -> None:
        from baserun._config import OPTIONS

        if name in OPTIONS and name != "api_key" and not isinstance(value, ModuleType):  # an import sets `store`
            from baserun.exceptions import ConfigurationError

            raise ConfigurationError(f"baserun.{name} = ... has no effect; write baserun.init({name}=...)")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in _LAZY:
            import importlib

            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def install(name: str) -> None:
    """Make the module `name` a `BaserunModule`."""
    sys.modules[name].__class__ = BaserunModule
