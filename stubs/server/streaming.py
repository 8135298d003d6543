"""A stream of probes in a thread of its own: the channel answers meanwhile, as leases have to be renewed on time.

The standard library alone, to start fast.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from stubs.server import pace
from stubs.server.refusal import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Streaming:
    """Streams one after the other, each from `begin` until `look` has told its measures."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self._measures: Mapping[str, Any] = {}
        self._failure: RefusedError | None = None

    def begin(self, wanted: pace.Stream) -> None:
        """Send from now on, as `pace.stream` does; one that is under way is broken off."""
        self.end()
        self._over, self._measures, self._failure = threading.Event(), {}, None
        self._thread = threading.Thread(target=self._run, args=(self._over, wanted), name="stream", daemon=True)
        self._thread.start()

    def look(self) -> Mapping[str, Any]:
        """The measures, once; nothing while it is under way.

        Raises:
            RefusedError: as `pace.stream`; or none was begun.
        """
        if self._thread is None:
            raise RefusedError("request", "no stream was begun")
        if self._thread.is_alive():
            return {}
        self._thread = None
        if self._failure is not None:
            raise self._failure
        return self._measures

    def end(self) -> None:
        """Break off what is under way."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, over: threading.Event, wanted: pace.Stream) -> None:
        try:
            self._measures = pace.stream(wanted, over=over.is_set)
        except RefusedError as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 - told by `look`, like every failure
            self._failure = RefusedError("request", f"{type(error).__name__}: {error}")
