"""One configuration, with the recorder and writer made from it."""

from __future__ import annotations

from baserun._clock import Clock, Ids, RandomIds, SystemClock
from baserun._config import Config, Sources
from baserun._guard import say
from baserun._recorder import Recorder
from baserun._writer import Writer


class Runtime:
    """One configuration with its recorder and writer, current until the next `init`.

    Args:
        config: The configuration.
        sources: Where each of its values is from.
        clock: The source of times.
        ids: The source of ids.
        is_of_block: Whether it belongs to a block of `baserun.testing.capture`, during which no `init` replaces it.
    """

    def __init__(
        self,
        config: Config,
        sources: Sources,
        clock: Clock | None = None,
        ids: Ids | None = None,
        *,
        is_of_block: bool = False,
    ) -> None:
        self.config = config
        self.sources = sources
        self.is_of_block = is_of_block
        self.is_stopped = False
        self.writer = Writer(config)
        self.recorder = Recorder(config, self.writer.put, clock or SystemClock(), ids or RandomIds())
        self.recorder_if_enabled = self.recorder if config.enabled else None

    def start(self) -> None:
        """Log problems in the environment, and instrument the clients of the configuration, and no others."""
        for problem in self.sources.problems:
            say("warning", "%s", problem)
        if self.config.api_key is not None and self.config.server_url is None and self.config.enabled:
            say("info", "api_key is set, but no server_url: records stay in the local store")
        from baserun._instrument import CLIENTS, instrument

        chosen = self.config.instrument if self.config.enabled else "none"
        instrument(CLIENTS if chosen == "auto" else () if chosen == "none" else chosen)

    def has(self, config: Config, sources: Sources) -> bool:
        """Whether this is its configuration, with each value from the same source."""
        return (self.config, self.sources) == (config, sources)

    def stop(self, timeout: float) -> bool:
        """Write queued records, close the store, and restore the instrumented clients."""
        from baserun._instrument import uninstrument

        self.is_stopped = True
        uninstrument()
        return self.writer.close(timeout)

    def after_fork_in_child(self) -> None:
        """Start over in the child of a fork, with ids of its own."""
        if isinstance(self.recorder.ids, RandomIds):
            self.recorder.ids.reseed()
        self.writer.after_fork_in_child()
