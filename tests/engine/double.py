"""An engine that is a few dictionaries behind a socket: as much of Docker's API as a topology's life needs.

It refuses what Docker refuses (a name that is taken, a volume in use, a signal to what has ended) and does what Docker
does unasked (a volume that nobody made is made, without a label). `test_failing_calls` holds it against a real one.
"""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Row = dict[str, Any]


class RefusedError(Exception):
    """What the engine refuses, with its status."""


@dataclass
class Double:
    """What the engine has, by id; volumes by name."""

    containers: dict[str, Row] = field(default_factory=dict)
    networks: dict[str, Row] = field(default_factory=dict)
    volumes: dict[str, Row] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def states(self) -> dict[str, str]:
        """The state of every container, by name."""
        return {row["Names"][0][1:]: row["State"] for row in self.containers.values()}

    def names(self) -> set[str]:
        """The names of everything."""
        return {*self.states(), *(row["Name"] for row in self.networks.values()), *self.volumes}

    def answer(self, method: str, path: str, query: dict[str, str], body: Row) -> tuple[int, Any]:
        """Carry a request out; status and answer.

        Raises:
            RefusedError: status and words.
        """
        for pattern, act in _ROUTES.items():
            if found := re.fullmatch(pattern, f"{method} {path}"):
                with self.lock:
                    return act(self, query, body, *found.groups())
        raise RefusedError(404, f"no such page: {method} {path}")

    def version(self, _query: Row, _body: Row) -> tuple[int, Any]:
        """Its own."""
        return 200, {"ApiVersion": "1.41", "Version": "20.10", "Arch": "amd64"}

    def image(self, _query: Row, _body: Row, tag: str) -> tuple[int, Any]:
        """Every image is there."""
        return 200, {"Id": f"sha256:{tag}", "RepoTags": [tag], "Config": {"Labels": {}}}

    def list_containers(self, query: Row, _body: Row) -> tuple[int, Any]:
        """Those with the labels."""
        return 200, _labelled(self.containers.values(), query)

    def create_container(self, query: Row, body: Row) -> tuple[int, Any]:
        """Not twice of one name; what is to be mounted is made."""
        if query["name"] in self.states():
            raise RefusedError(409, f"the name {query['name']} is in use")
        host = body.get("HostConfig", {})
        mounted = [bind.split(":")[0] for bind in host.get("Binds") or ()]
        for volume in mounted:
            self.volumes.setdefault(volume, {"Name": volume, "Labels": {}})
        identity = uuid.uuid4().hex * 2
        self.containers[identity] = {
            "Id": identity,
            "Names": ["/" + query["name"]],
            "Labels": body.get("Labels") or {},
            "State": "created",
            "mounted": mounted,
            "at": [*(body.get("NetworkingConfig") or {}).get("EndpointsConfig", {})],
        }
        return 201, {"Id": identity, "Warnings": []}

    def inspect(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """One container."""
        row = self._found(name)
        return 200, {"Id": row["Id"], "Name": row["Names"][0], "State": {"Status": row["State"]}, "Config": {}}

    def put_archive(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Taken, and forgotten."""
        self._found(name)
        return 200, None

    def start(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Unless it runs."""
        row = self._found(name)
        if row["State"] in ("running", "paused"):
            return 304, None
        row["State"] = "running"
        return 204, None

    def stop(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Unless it has ended."""
        row = self._found(name)
        if row["State"] not in ("running", "paused"):
            return 304, None
        row["State"] = "exited"
        return 204, None

    def kill(self, query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Only what has not ended; but for SIGKILL, signals change no state."""
        row = self._found(name)
        if row["State"] not in ("running", "paused"):
            raise RefusedError(409, f"container {name} is not running")
        if query.get("signal") == "SIGKILL":
            row["State"] = "exited"
        return 204, None

    def pause(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Only what runs."""
        row = self._found(name)
        if row["State"] != "running":
            raise RefusedError(409, f"container {name} is not running")
        row["State"] = "paused"
        return 204, None

    def unpause(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Only what is paused: else it fails as if the engine were at fault."""
        row = self._found(name)
        if row["State"] != "paused":
            raise RefusedError(500, f"Container {name} is not paused")
        row["State"] = "running"
        return 204, None

    def remove_container(self, query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """One that runs only by force."""
        row = self._found(name)
        if row["State"] in ("running", "paused") and query.get("force") != "True":
            raise RefusedError(409, f"container {name} runs")
        del self.containers[row["Id"]]
        return 204, None

    def list_networks(self, query: Row, _body: Row) -> tuple[int, Any]:
        """Those with the labels."""
        return 200, _labelled(self.networks.values(), query)

    def create_network(self, _query: Row, body: Row) -> tuple[int, Any]:
        """Subnets never overlap here."""
        identity = uuid.uuid4().hex * 2
        self.networks[identity] = {"Id": identity, "Name": body["Name"], "Labels": body.get("Labels") or {}}
        return 201, {"Id": identity, "Warning": ""}

    def remove_network(self, _query: Row, _body: Row, identity: str) -> tuple[int, Any]:
        """Only one at which nothing runs."""
        if identity not in self.networks:
            raise RefusedError(404, f"no such network: {identity}")
        name = self.networks[identity]["Name"]
        if any(name in row["at"] and row["State"] in ("running", "paused") for row in self.containers.values()):
            raise RefusedError(403, f"network {name} has active endpoints")
        del self.networks[identity]
        return 204, None

    def list_volumes(self, query: Row, _body: Row) -> tuple[int, Any]:
        """Those with the labels; nothing at all where there are none."""
        return 200, {"Volumes": _labelled(self.volumes.values(), query) or None}

    def create_volume(self, _query: Row, body: Row) -> tuple[int, Any]:
        """One that is there already is handed out as it is."""
        made = {"Name": body["Name"], "Labels": body.get("Labels") or {}}
        return 201, self.volumes.setdefault(body["Name"], made)

    def remove_volume(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Only one that no container has, ended ones included."""
        if name not in self.volumes:
            raise RefusedError(404, f"no such volume: {name}")
        if any(name in row["mounted"] for row in self.containers.values()):
            raise RefusedError(409, f"volume {name} is in use")
        del self.volumes[name]
        return 204, None

    def _found(self, name: str) -> Row:
        for row in self.containers.values():
            if name in (row["Id"], row["Names"][0][1:]):
                return row
        raise RefusedError(404, f"no such container: {name}")


def _labelled(rows: Iterable[Row], query: Row) -> list[Row]:
    wanted = [each.partition("=") for each in json.loads(query.get("filters", "{}")).get("label", [])]
    return [
        row
        for row in rows
        if all(key in row["Labels"] and (not equals or row["Labels"][key] == value) for key, equals, value in wanted)
    ]


_ROUTES: dict[str, Callable[..., tuple[int, Any]]] = {
    "GET /version": Double.version,
    "GET /images/(.+)/json": Double.image,
    "GET /containers/json": Double.list_containers,
    "POST /containers/create": Double.create_container,
    "GET /containers/([^/]+)/json": Double.inspect,
    "PUT /containers/([^/]+)/archive": Double.put_archive,
    "POST /containers/([^/]+)/start": Double.start,
    "POST /containers/([^/]+)/stop": Double.stop,
    "POST /containers/([^/]+)/kill": Double.kill,
    "POST /containers/([^/]+)/pause": Double.pause,
    "POST /containers/([^/]+)/unpause": Double.unpause,
    "DELETE /containers/([^/]+)": Double.remove_container,
    "GET /networks": Double.list_networks,
    "POST /networks/create": Double.create_network,
    "DELETE /networks/([^/]+)": Double.remove_network,
    "GET /volumes": Double.list_volumes,
    "POST /volumes/create": Double.create_volume,
    "DELETE /volumes/([^/]+)": Double.remove_volume,
}


def _handler(double: Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            """One request of a connection; one that breaks ends quietly."""
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def _do(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            body = json.loads(raw) if raw and "json" in self.headers.get("Content-Type", "") else {}
            try:
                code, said = double.answer(self.command, re.sub(r"^/v[0-9.]+", "", parts.path), query, body)
            except RefusedError as refused:
                code, said = refused.args[0], {"message": refused.args[1]}
            text = b"" if said is None else json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815 - the base class's names

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

        def address_string(self) -> str:
            """Name the other side, which has no address."""
            return "unix"

    return Handler


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[Path, Double]]:
    """An engine without anything, and the socket that it answers at."""
    double = Double()
    path = folder / "double.sock"
    with _Server(str(path), _handler(double)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield path, double
        finally:
            server.shutdown()
