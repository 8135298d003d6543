"""What goes on inside the containers of the engine in memory: as much as the proofs of faults look at.

A service shows the certificate that was installed when it began or was last told to look; one whose starts are slow
writes them down; `stubs.server.volume` fills a disk that is a name in a dictionary. And what an inspector would see of
it all. Files by path below the root of their server's volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stubs.installation import CERTIFICATE, DATA, FAULTS, FULL_DISK, ROOT, STAGED, slow_start
from stubs.slow_start import BEGAN, HELD
from testbed.certificates import leaf_of
from testbed.engine import labels
from testbed.engine.volumes import VOLUME_ROOT, packed
from testbed.service_proof import NO_PROCESS
from testbed.staging import PORTS

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
Files = dict[str, bytes]

MARKS = str(FAULTS.relative_to(ROOT))
"""The folder of what is in force on a volume."""

_FILLER = str((DATA / "filler").relative_to(ROOT))
_INSTALLED, _STAGED = f"conf/{CERTIFICATE}", f"conf/{STAGED}"
_SERVICES = {port: service for service, port in PORTS.items()}


@dataclass(frozen=True)
class Archive:
    """What is answered as a tar: its name, and what is in it."""

    name: str
    tar: bytes


@dataclass(frozen=True)
class FarEnd:
    """What is answered by a program that goes on: the container that it runs in."""

    container: str


def archived(files: Files, path: str) -> Archive | None:
    """A file or a folder of a volume as the engine hands it out; nothing, where it is not there."""
    above, _, name = path.removeprefix(f"{VOLUME_ROOT}/").rpartition("/")
    below = {one.removeprefix(above).lstrip("/"): content for one, content in files.items()}
    found = {one: content for one, content in below.items() if f"{one}/".startswith(f"{name}/")}
    return Archive(name, packed(found)) if found else None


def begin(row: Row, files: Files) -> None:
    """A process starts: held, where its starts are slow, and over it at once."""
    row["starts"] += 1
    row["shows"] = files.get(_INSTALLED, b"").decode()
    mark = f"{MARKS}/{slow_start(row['Labels'].get(labels.SERVICE, ''))}"
    if mark in files:
        by_ms = int(files[mark].split(b"\n")[0])
        files[mark] += f"{HELD} 0\n{BEGAN} {by_ms}\n".encode()


def heed(signal: str | None, row: Row, files: Files) -> None:
    """A process gets a signal."""
    if signal == "SIGHUP":
        begin(row, files)
    if signal == "SIGUSR2":
        if _STAGED in files:
            files[_INSTALLED] = files.pop(_STAGED)
        row["shows"] = files[_INSTALLED].decode()


def carried_out(words: list[str], files: Files) -> dict[str, Any]:
    """What `stubs.server.volume` says when it has done this."""
    match words:
        case ["fill"]:
            files |= {f"{MARKS}/{FULL_DISK}": b"", _FILLER: b"full"}
        case ["empty"]:
            files.pop(_FILLER, None)
            files.pop(f"{MARKS}/{FULL_DISK}", None)
        case ["probe"]:
            return {"why": "ENOSPC" if _FILLER in files else ""}
        case ["slow", service, by_ms]:
            files[f"{MARKS}/{slow_start(service)}"] = f"{by_ms}\n".encode()
        case ["swift", service]:
            files.pop(f"{MARKS}/{slow_start(service)}", None)
        case _:
            return {"error": f"unknown: {words}"}
    return {}


class Sight:
    """What an inspector would see of a server.

    Args:
        name: of the server.
        row: a service's container.
    """

    def __init__(self, name: str, row: Callable[[str], Row]) -> None:
        self.name, self._row = name, row

    def services(self) -> dict[str, dict[str, int]]:
        """The platform view's rows."""
        rows = {service: self._row(service) for service in ("core", "portal")}
        running = {service: row["State"] in ("running", "paused") for service, row in rows.items()}
        return {service: {"boot": rows[service]["starts"] if running[service] else NO_PROCESS} for service in rows}

    def certificate(self, port: int) -> bytes | None:
        """What is shown on a port: nothing by what is frozen, and an empty one where nobody listens."""
        row = self._row(_SERVICES[port])
        if row["State"] == "paused":
            return None
        return leaf_of(row["shows"].encode()) if row["State"] == "running" else b""

    def answers(self, service: str) -> bool:
        """Whether it does."""
        return bool(self._row(service)["State"] == "running")
