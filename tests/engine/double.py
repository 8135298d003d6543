"""An engine that is a few dictionaries: as much of Docker's API as a topology's life and its faults need.

It refuses what Docker refuses (a name that is taken, a volume in use, a signal to what has ended) and does what Docker
does unasked (a volume that nobody made is made, without a label). What a server's processes do with their files is
`tests.engine.inside`'s; `tests.engine.answering` puts it behind a socket; `test_double` holds it against a real one.
"""

from __future__ import annotations

import copy
import json
import re
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from testbed.engine.volumes import VOLUME_ROOT, unpacked
from tests.engine import inside, lives
from tests.engine.lives import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row = dict[str, Any]
_SHOWN = ("Id", "Names", "Labels", "State")


@dataclass
class Double:
    """What the engine has, by id; volumes by name.

    Attributes:
        images: those without a tag, each with when it was made; `used`: something is made from it.
        files: what lies on each volume, by path.
        execs: programs that are to run, each with its container.
        far_ends: how many ends of fault channels run in each container.
        says: what they answer.
    """

    containers: dict[str, Row] = field(default_factory=dict)
    networks: dict[str, Row] = field(default_factory=dict)
    volumes: dict[str, Row] = field(default_factory=dict)
    images: dict[str, Row] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    execs: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    far_ends: Counter[str] = field(default_factory=Counter)
    says: dict[str, Any] = field(default_factory=lambda: {"ok": True, "at_ms": 0.0})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def by_name(self) -> dict[str, Row]:
        """Every container."""
        return {row["Names"][0][1:]: row for row in self.containers.values()}

    def states(self) -> dict[str, str]:
        """The state of every container, by name."""
        return {name: row["State"] for name, row in self.by_name().items()}

    def names(self) -> set[str]:
        """The names of everything."""
        return {*self.states(), *(row["Name"] for row in self.networks.values()), *self.volumes}

    def row(self, name: str) -> Row:
        """A container, by name or id."""
        for row in self.containers.values():
            if name in (row["Id"], row["Names"][0][1:]):
                return row
        raise RefusedError(404, f"no such container: {name}")

    def files_of(self, name: str) -> dict[str, bytes]:
        """What lies on the volume of a container's server."""
        return self.files.setdefault(self.row(name)["mounted"].get(VOLUME_ROOT, ""), {})

    def kept(self) -> dict[str, Any]:
        """All that it has, to be put back."""
        return copy.deepcopy({kind: getattr(self, kind) for kind in ("containers", "networks", "volumes", "files")})

    def put_back(self, kept: dict[str, Any]) -> None:
        """Have what it had."""
        with self.lock:
            for kind, had in copy.deepcopy(kept).items():
                setattr(self, kind, had)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
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
        found = _labelled(self.containers.values(), query)
        return 200, [{key: row[key] for key in _SHOWN} for row in found]

    def create_container(self, query: Row, body: Row) -> tuple[int, Any]:
        """Not twice of one name; what is to be mounted is made."""
        if query["name"] in self.states():
            raise RefusedError(409, f"the name {query['name']} is in use")
        host = body.get("HostConfig", {})
        mounted = {bind.split(":")[1]: bind.split(":")[0] for bind in host.get("Binds") or ()}
        for volume in mounted.values():
            self.volumes.setdefault(volume, {"Name": volume, "Labels": {}})
        identity = uuid.uuid4().hex * 2
        self.containers[identity] = {
            "Id": identity,
            "Names": ["/" + query["name"]],
            "Labels": body.get("Labels") or {},
            **lives.unborn(),
            "mounted": mounted,
            "starts": 0,
            "shows": "",
            "at": [*(body.get("NetworkingConfig") or {}).get("EndpointsConfig", {})],
        }
        return 201, {"Id": identity, "Warnings": []}

    def inspect(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """One container."""
        row = self.row(name)
        return 200, {"Id": row["Id"], "Name": row["Names"][0], "State": lives.state(row), "Config": {}}

    def events(self, query: Row, _body: Row) -> tuple[int, Any]:
        """The last of that kind that happened to a container; the engine would tell earlier ones, too."""
        wanted = json.loads(query["filters"])
        (name,), (event,) = wanted["container"], wanted["event"]
        return 200, {"timeNano": at} if (at := self.row(name)["events"].get(event)) is not None else {}

    def list_images(self, query: Row, _body: Row) -> tuple[int, Any]:
        """Those without a tag, which have the labels."""
        return 200, _labelled(self.images.values(), query)

    def remove_image(self, _query: Row, _body: Row, identity: str) -> tuple[int, Any]:
        """Only one that nothing is made from."""
        if self.images[identity].get("used"):
            raise RefusedError(409, f"image {identity} is in use")
        del self.images[identity]
        return 200, []

    def put_archive(self, _query: Row, body: bytes, name: str) -> tuple[int, Any]:
        """Taken to the server's volume, wherever it is to go."""
        self.files_of(name).update(unpacked(body))
        return 200, None

    def get_archive(self, query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """A file or a folder of the server's volume."""
        found = inside.archived(self.files_of(name), query["path"])
        if found is None:
            raise RefusedError(404, f"Could not find the file {query['path']} in container {name}")
        return 200, found

    def create_exec(self, _query: Row, body: Row, name: str) -> tuple[int, Any]:
        """Only in what runs."""
        row = self.row(name)
        if row["State"] != "running":
            raise RefusedError(409, f"container {name} is {row['State']}")
        identity = uuid.uuid4().hex * 2
        self.execs[identity] = name, body["Cmd"]
        return 201, {"Id": identity}

    def start_exec(self, _query: Row, _body: Row, identity: str) -> tuple[int, Any]:
        """What its program says, or that it goes on."""
        name, command = self.execs.pop(identity)
        *_python, program = command[:3]
        if program == "stubs.server.channel":
            self.far_ends[name] += 1
            return 101, inside.FarEnd(name)
        return 101, json.dumps(inside.carried_out(command[3:], self.files_of(name))).encode() + b"\n"

    def end(self, far_end: inside.FarEnd) -> None:
        """Its input has ended."""
        with self.lock:
            self.far_ends -= Counter([far_end.container])

    def start(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Unless it runs."""
        row = self.row(name)
        if not lives.start(row):
            return 304, None
        inside.begin(row, self.files_of(name))
        return 204, None

    def stop(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Unless it has ended."""
        return 204 if lives.stop(self.row(name)) else 304, None

    def kill(self, query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Only what has not ended."""
        row = self.row(name)
        lives.kill(row, query.get("signal"))
        inside.heed(query.get("signal"), row, self.files_of(name))
        return 204, None

    def pause(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Only what runs."""
        lives.pause(self.row(name))
        return 204, None

    def unpause(self, _query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """Only what is paused."""
        lives.unpause(self.row(name))
        return 204, None

    def remove_container(self, query: Row, _body: Row, name: str) -> tuple[int, Any]:
        """One that runs only by force."""
        row = self.row(name)
        if lives.lives(row) and query.get("force") != "True":
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
        if any(name in row["at"] and lives.lives(row) for row in self.containers.values()):
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
        if any(name in row["mounted"].values() for row in self.containers.values()):
            raise RefusedError(409, f"volume {name} is in use")
        del self.volumes[name]
        self.files.pop(name, None)
        return 204, None


def _labelled(rows: Iterable[Row], query: Row) -> list[Row]:
    wanted = [each.partition("=") for each in json.loads(query.get("filters", "{}")).get("label", [])]
    return [
        row
        for row in rows
        if all(key in row["Labels"] and (not equals or row["Labels"][key] == value) for key, equals, value in wanted)
    ]


_ROUTES: dict[str, Callable[..., tuple[int, Any]]] = {
    "GET /version": Double.version,
    "GET /events": Double.events,
    "GET /images/json": Double.list_images,
    "DELETE /images/(.+)": Double.remove_image,
    "GET /images/(.+)/json": Double.image,
    "GET /containers/json": Double.list_containers,
    "POST /containers/create": Double.create_container,
    "GET /containers/([^/]+)/json": Double.inspect,
    "PUT /containers/([^/]+)/archive": Double.put_archive,
    "GET /containers/([^/]+)/archive": Double.get_archive,
    "POST /containers/([^/]+)/exec": Double.create_exec,
    "POST /exec/([^/]+)/start": Double.start_exec,
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
