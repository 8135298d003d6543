"""The containers of one topology while it runs: their states, and what can be done to them. No network faults here."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import requests

from stubs.wire import ServerName
from testbed.engine import labels, moments
from testbed.engine.names import Names
from testbed.engine.volumes import VOLUME_ROOT, packed, unpacked
from testbed.errors import EngineError, MisuseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

_STATES = {"running": "running", "paused": "paused"}
_NOT_MODIFIED, _NOT_FOUND, _CONFLICT = 304, 404, 409
_LAST_LINES = 20


class Services:
    """The services of one topology.

    Args:
        client: the engine.
        name: of the topology.
    """

    def __init__(self, client: docker.DockerClient, name: str) -> None:
        self._api = client.api
        self._name = name
        self._names = Names(name=name)

    def states(self) -> dict[ServerName, dict[str, str]]:
        """What the engine says of every container: running, paused or stopped, by server and service.

        Raises:
            EngineError: the engine does not answer.
        """
        with _translated("list the containers", self._name):
            rows = self._api.containers(all=True, filters={"label": f"{labels.NAME}={self._name}"})
        states: dict[ServerName, dict[str, str]] = {}
        for row in rows:
            marks = row["Labels"]
            server, service = ServerName(marks[labels.SERVER]), marks[labels.SERVICE]
            states.setdefault(server, {})[service] = _STATES.get(row["State"], "stopped")
        return states

    def ended(self) -> list[str]:
        """The containers that have ended, each in words: which, with what code, and what it wrote last.

        Raises:
            EngineError: the engine does not answer.
        """
        return [
            self._last_words(server, service)
            for server, services in sorted(self.states().items())
            for service, state in sorted(services.items())
            if state == "stopped"
        ]

    def _last_words(self, server: ServerName, service: str) -> str:
        codes: list[int] = []
        self._act(
            "look at",
            server,
            service,
            lambda name: codes.append(self._api.inspect_container(name)["State"]["ExitCode"]),
        )
        lines = self.logs(server, service).decode(errors="replace").strip().splitlines()[-_LAST_LINES:]
        wrote = " | ".join(lines) or "nothing"
        return f"the {service} of the {server.value} has ended with code {codes[0]}, and wrote last: {wrote}"

    def kill(self, server: ServerName, service: str) -> None:
        """SIGKILL; nothing happens to one that does not run. A paused one dies too."""
        self._act("kill", server, service, lambda name: self._api.kill(name, "SIGKILL"), idle=(_CONFLICT,))

    def stop(self, server: ServerName, service: str, *, within_s: int = 10) -> None:
        """SIGTERM, and SIGKILL if it has not ended in so many seconds."""
        self._act("stop", server, service, lambda name: self._api.stop(name, timeout=within_s))

    def start(self, server: ServerName, service: str) -> None:
        """Start one that has ended; nothing happens to one that runs."""
        self._act("start", server, service, self._api.start)

    def pause(self, server: ServerName, service: str) -> None:
        """Freeze all its processes."""
        self._act("pause", server, service, self._api.pause)

    def resume(self, server: ServerName, service: str) -> None:
        """Let a frozen one go on, with the certificate installed meanwhile; nothing happens to one not frozen."""

        def act(name: str) -> None:
            try:
                self._api.unpause(name)
            except docker.errors.APIError as error:
                if "not paused" in str(error.explanation):  # in words, under varying codes
                    return
                raise
            self._api.kill(name, "SIGUSR2")

        self._act("resume", server, service, act, idle=(_CONFLICT,))

    def at(self, verb: str, server: ServerName, service: str) -> datetime | None:
        """When something was last done to a container, by the engine's own clock; `None`: it does not tell.

        Args:
            verb: ended, began, or what the engine calls it: kill, pause, unpause.
            server: whose.
            service: which of it.
        """
        found: list[datetime | None] = []
        self._act("ask when it last did things to", server, service, lambda name: found.append(self._ask(verb, name)))
        return found[0] if found else None

    def _ask(self, verb: str, name: str) -> datetime | None:
        if verb in moments.STATES:
            return moments.of_state(self._api.inspect_container(name)["State"], verb)
        # The library's own call takes a failure of the engine for the end of the events.
        filters = json.dumps({"type": ["container"], "container": [name], "event": [verb]})
        asked: dict[str, Any] = {"since": 0, "until": time.time(), "filters": filters}
        url = f"{self._api.base_url}/v{self._api.api_version}/events"
        answer = self._api.get(url, params=asked, timeout=self._api.timeout)
        answer.raise_for_status()
        return moments.of_events(map(json.loads, answer.text.splitlines()))

    def restart(self, server: ServerName, service: str) -> None:
        """Announced restart: the service says that it will be back, and begins again in its container (SIGHUP)."""
        self._act("restart", server, service, lambda name: self._api.kill(name, "SIGHUP"))

    def reset(self, which: Iterable[tuple[ServerName, str]]) -> None:
        """Factory reset of running services, all at once (SIGUSR1)."""
        self.at_once(
            [
                lambda server=server, service=service: self._act(  # type: ignore[misc]
                    "reset", server, service, lambda name: self._api.kill(name, "SIGUSR1")
                )
                for server, service in which
            ]
        )

    def write_files(self, server: ServerName, files: Mapping[str, bytes]) -> None:
        """Put files on a server's volume, by path; a file that is there already is written anew."""
        tar = packed(files)
        self._act("write to", server, "server", lambda name: self._api.put_archive(name, VOLUME_ROOT, tar))

    def read_file(self, server: ServerName, path: str) -> bytes:
        """A file of a server's volume.

        Raises:
            MisuseError: it is not there: another version of this program made the topology.
        """
        tar: list[bytes] = []
        self._act(
            "read", server, "server", lambda name: tar.extend(self._api.get_archive(name, f"{VOLUME_ROOT}/{path}")[0])
        )
        return unpacked(b"".join(tar))[path.rpartition("/")[2]]

    def has_file(self, server: ServerName, path: str) -> bool:
        """Whether a file is on a server's volume."""
        found: list[object] = []
        self._act(
            "look for a file on",
            server,
            "server",
            lambda name: found.append(b"".join(self._api.get_archive(name, f"{VOLUME_ROOT}/{path}")[0])),
            idle=(_NOT_FOUND,),
        )
        return bool(found)

    def show_certificate(self, server: ServerName, which: Iterable[str]) -> None:
        """Tell running services that another certificate was installed (SIGUSR2).

        A frozen one is left alone, as the engine would let it go on; it is told when it is resumed.
        """
        self.at_once(
            [
                lambda service=service: self._act(  # type: ignore[misc]
                    "tell", server, service, lambda name: self._api.kill(name, "SIGUSR2"), idle=(_CONFLICT,)
                )
                for service in which
            ]
        )

    def logs(self, server: ServerName, service: str) -> bytes:
        """All that a container wrote."""
        found: list[bytes] = []
        self._act("read the log of", server, service, lambda name: found.append(self._api.logs(name)))
        return b"".join(found)

    @staticmethod
    def at_once(acts: list[Callable[[], None]]) -> None:
        """Do several things in parallel; every one is done, and all failures are reported.

        Raises:
            ExceptionGroup: of what failed.
        """
        with ThreadPoolExecutor(max(1, len(acts))) as threads:
            failures = [error for future in [threads.submit(act) for act in acts] if (error := future.exception())]
        exceptions = [error for error in failures if isinstance(error, Exception)]
        if exceptions:
            raise exceptions[0] if len(exceptions) == 1 else ExceptionGroup("not all was done", exceptions)

    def _act(
        self, verb: str, server: ServerName, service: str, act: Callable[[str], object], *, idle: tuple[int, ...] = ()
    ) -> None:
        with _translated(f"{verb} the {service} of the {server.value}", self._name, idle=idle):
            act(self._names.container(server, service))


class _translated:  # noqa: N801 - reads as a word in a with statement
    """Turns the engine's failures into ours, and passes over those that mean "is so already"."""

    def __init__(self, what: str, name: str, *, idle: tuple[int, ...] = ()) -> None:
        self._what, self._name = what, name
        self._idle = (*idle, _NOT_MODIFIED)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, docker.errors.APIError):
            if error.status_code in self._idle:
                return True
            if error.status_code == _NOT_FOUND:
                raise MisuseError(f"cannot {self._what}: {self._name} has no such container") from error
            if error.status_code == _CONFLICT:
                raise MisuseError(f"cannot {self._what}: {error.explanation}") from error
        if isinstance(error, docker.errors.DockerException | requests.RequestException):
            raise EngineError(f"cannot {self._what} in {self._name}: {error}") from error
        return False
