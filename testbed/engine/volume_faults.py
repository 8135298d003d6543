"""The faults that lie on a server's volume: a full disk, a slow start.

Asks `stubs.server.volume` there, and proves nothing (`testbed.volume_proof` does). By an exec into the server
container, as the stubs' own user and without a capability. What is in force is read as files, so that it shows and can
be healed whoever did it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from stubs.installation import FAULTS, FULL_DISK, SLOW, slow_start
from testbed.engine import execs
from testbed.engine.names import Names
from testbed.engine.volumes import STUB_USER, unpacked
from testbed.errors import BedError, EngineError, FaultError
from testbed.faults import FullDisk, SlowStart, Target, describe
from testbed.starts import Starts, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    import docker

    from stubs.wire import ServerName

_COMMAND = ("python3", "-m", "stubs.server.volume")


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

    def slow(self, target: Target, *, by_ms: int) -> None:
        """Let every start of a service take so many milliseconds longer. Raises as `fill`."""
        self._ask(target.server, "slow", target.service, str(by_ms))

    def swift(self, target: Target) -> None:
        """Let a service start as usual; one whose start is held begins at once. Raises as `fill`."""
        self._ask(target.server, "swift", target.service)

    def starts(self, target: Target) -> Starts | None:
        """The starts of a service since they are slow; `None`: they are not. Raises EngineError."""
        text = self._marks(target.server).get(slow_start(target.service))
        return None if text is None else read(text)

    def is_full(self, server: ServerName) -> bool:
        """Whether the disk of a server was filled up. Raises EngineError."""
        return FULL_DISK in self._marks(server)

    def heal(self) -> None:
        """End every fault of this kind, whoever did it: all that can be, even when one cannot.

        Raises:
            ExceptionGroup: of FaultError and EngineError, for what could not be healed.
        """
        failures: list[Exception] = []
        for server in self._servers:
            try:
                self.heal_one(server)
            except BedError as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("not every disk and slow start could be healed", failures)

    def heal_one(self, server: ServerName) -> None:
        """End every fault of this kind on one server, whoever did it. Raises as `fill`."""
        for mark in self._marks(server):
            if mark == FULL_DISK:
                self.empty(server)
            else:
                self.swift(Target(server, mark.removeprefix(SLOW)))

    def described(self) -> list[str]:
        """The faults of this kind in force, one line each. Raises EngineError."""
        return [
            describe(_fault(server, mark, text))
            for server in self._servers
            for mark, text in sorted(self._marks(server).items())
        ]

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
        files = {path.rpartition("/")[2]: text.decode() for path, text in unpacked(content).items()}
        # What is being written has a suffix.
        return {name: text for name, text in files.items() if "." not in name}

    def _ask(self, server: ServerName, *words: str) -> dict[str, Any]:
        container = self._names.container(server, "server")
        what = f"cannot {' '.join(words)} on the {server.value}"
        try:
            output = execs.asked(self._api, container, [*_COMMAND, *words], user=f"{STUB_USER}:{STUB_USER}")
        except (DockerException, OSError) as error:
            raise EngineError(f"{what}: {error}") from error
        try:
            said: dict[str, Any] = json.loads(output)
        except ValueError as error:
            raise EngineError(f"{what}: {output.decode(errors='replace').strip()}") from error
        if "error" in said:
            raise FaultError(f"{what}: {said['error']}")
        return said


def _fault(server: ServerName, mark: str, text: str) -> FullDisk | SlowStart:
    """What a mark and its text stand for."""
    if mark == FULL_DISK:
        return FullDisk(server)
    return SlowStart(Target(server, mark.removeprefix(SLOW)), read(text).by_ms)
