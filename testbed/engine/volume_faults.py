"""The faults that lie on a server's volume: a full disk, a slow start. Asks `stubs.server.volume` there.

By an exec into the server container, as the stubs' own user and without a capability. What is in force is read as
files, so that it shows and can be healed whoever did it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, DockerException, NotFound
from requests.exceptions import RequestException

from stubs.installation import FAULTS, FULL_DISK, HELD, SLOW
from testbed.engine.names import Names
from testbed.engine.volumes import STUB_USER, unpacked
from testbed.errors import BedError, EngineError, FaultError
from testbed.faults import FullDisk, SlowStart, Target, describe

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

    from stubs.wire import ServerName

_COMMAND = ("python3", "-m", "stubs.server.volume")
_CONFLICT = 409


def _fault(server: ServerName, mark: str, text: str) -> FullDisk | SlowStart:
    """What a mark and its text stand for."""
    if mark == FULL_DISK:
        return FullDisk(server)
    return SlowStart(Target(server, mark.removeprefix(SLOW)), float(text.removeprefix(HELD)))


class VolumeFaults:
    """The faults on the volumes of one topology.

    Args:
        client: the engine.
        name: of the topology.
        servers: of the topology.
    """

    def __init__(self, client: docker.DockerClient, name: str, servers: Sequence[ServerName]) -> None:
        self._api = client.api
        self._names = Names(name=name)
        self._servers = servers

    def fill(self, server: ServerName) -> None:
        """Take all that is left of a server's small disk; one that is full already stays so.

        Raises:
            FaultError: the server has none, or it could not be filled.
            EngineError: the engine failed.
        """
        self._ask(server, "fill")

    def empty(self, server: ServerName) -> None:
        """Give back what `fill` took; nothing happens to a disk that is not full. Raises as `fill`."""
        self._ask(server, "empty")

    def why_not(self, server: ServerName) -> str:
        """Write a byte to the disk of a server; empty if it was taken, else the system's word. Raises as `fill`."""
        return str(self._ask(server, "probe")["why"])

    def slow(self, server: ServerName, service: str, *, seconds: float) -> None:
        """Let the next start of a service take so many seconds longer. Raises as `fill`."""
        self._ask(server, "slow", service, str(seconds))

    def begin_now(self, server: ServerName, service: str) -> None:
        """End a slow start, whether it is under way or still to come; nothing happens to one that is not.

        Raises:
            EngineError: the engine failed.
        """
        self._ask(server, "swift", service)
        try:
            self._api.kill(self._names.container(server, service), "SIGCONT")
        except APIError as error:
            if error.status_code != _CONFLICT:  # it does not run, and will start as usual
                raise EngineError(f"cannot end the slow start of {server.value}/{service}: {error}") from error
        except RequestException as error:
            raise EngineError(f"cannot end the slow start of {server.value}/{service}: {error}") from error

    def heal(self) -> None:
        """End every fault of this kind, whoever did it: all that can be, even when one cannot.

        Raises:
            ExceptionGroup: of FaultError and EngineError, for what could not be healed.
        """
        failures: list[Exception] = []
        for server in self._servers:
            try:
                for mark in self._marks(server):
                    if mark == FULL_DISK:
                        self.empty(server)
                    else:
                        self.begin_now(server, mark.removeprefix(SLOW))
            except BedError as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("not every disk and slow start could be healed", failures)

    def described(self) -> list[str]:
        """The faults of this kind in force, one line each. Raises EngineError."""
        marks = [(server, *mark) for server in self._servers for mark in sorted(self._marks(server).items())]
        return [describe(_fault(*mark)) for mark in marks]

    def is_held(self, server: ServerName, service: str) -> bool:
        """Whether a service runs and waits at its slow start. Raises EngineError."""
        return self._marks(server).get(f"{SLOW}{service}", "").startswith(HELD)

    def _marks(self, server: ServerName) -> dict[str, str]:
        """The files that stand for the faults in force, by name."""
        container = self._names.container(server, "server")
        try:
            chunks, _ = self._api.get_archive(container, str(FAULTS))
            content = b"".join(chunks)
        except NotFound:
            return {}
        except (DockerException, RequestException) as error:
            raise EngineError(f"cannot ask the {server.value} for its faults: {error}") from error
        return {path.rpartition("/")[2]: text.decode() for path, text in unpacked(content).items()}

    def _ask(self, server: ServerName, *words: str) -> dict[str, Any]:
        container = self._names.container(server, "server")
        what = f"cannot {' '.join(words)} on the {server.value}"
        try:
            made = self._api.exec_create(container, [*_COMMAND, *words], user=f"{STUB_USER}:{STUB_USER}")
            output = self._api.exec_start(made["Id"])
        except (DockerException, RequestException) as error:
            raise EngineError(f"{what}: {error}") from error
        try:
            said: dict[str, Any] = json.loads(output)
        except ValueError as error:
            raise EngineError(f"{what}: {output.decode(errors='replace').strip()}") from error
        if "error" in said:
            raise FaultError(f"{what}: {said['error']}")
        return said
