"""Talks to Firefox over Marionette, its own remote protocol: JSON arrays, each behind its length and a colon.

Mozilla's own client for it brings eighteen packages along, tools for Android devices among them, and warns when it is
imported. Of the protocol little is needed: one command at a time, and its answer.
"""

from __future__ import annotations

import itertools
import json
import socket
from typing import Any, Self

from testbed.errors import EngineError

ANSWER_WITHIN_S = 60.0
"""Bound for an answer, in seconds; far beyond what Firefox needs, as a busy machine may be slow."""

_COMMAND = 0
_LONGEST_LENGTH = 10


class CommandError(EngineError):
    """Firefox did not do what it was asked.

    Attributes:
        code: its word for it, e.g. `no such window`.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Marionette:
    """One connection; Firefox takes one at a time.

    Args:
        port: at 127.0.0.1.

    Raises:
        EngineError: it does not answer there.
    """

    def __init__(self, port: int) -> None:
        self._ids = itertools.count(1)
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN_S)
        except OSError as error:
            raise EngineError(f"Firefox does not answer at port {port}: {error}") from error
        self._file = self._socket.makefile("rb")
        try:
            self._read("a greeting")
        except EngineError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self._socket.close()

    def call(self, command: str, **parameters: Any) -> Any:
        """Have one command done; its result, or the value in it.

        Raises:
            CommandError: Firefox refused, or could not.
            EngineError: it is gone, or did not answer in time.
        """
        identity = next(self._ids)
        message = json.dumps([_COMMAND, identity, command, parameters]).encode()
        try:
            self._socket.sendall(b"%d:%s" % (len(message), message))
        except OSError as error:
            raise EngineError(f"Firefox is gone, and was not asked for {command}: {error}") from error
        _, answered, wrong, result = self._read(command)
        if answered != identity:
            raise EngineError(f"Firefox answered command {answered} instead of {command}")
        if wrong is not None:
            said = str(wrong.get("message", "")).partition("\n")[0]
            raise CommandError(f"Firefox, asked for {command}: {wrong['error']}: {said}", str(wrong["error"]))
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def _read(self, what: str) -> Any:
        try:
            length = b""
            while (byte := self._file.read(1)) != b":":
                length += byte
                if not byte or len(length) > _LONGEST_LENGTH:
                    raise EngineError(f"Firefox ended the connection before it answered {what}")
            body = self._file.read(int(length))
            return json.loads(body)
        except (OSError, ValueError) as error:  # a body cut short is no JSON
            raise EngineError(f"Firefox did not answer {what}: {error!r}") from error
