"""What is written down about a topology in the engine, and finding it again. Creates and removes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from docker.errors import DockerException
from requests.exceptions import RequestException

from stubs.decoding import decode
from stubs.wire import ServerName
from testbed import topology as topologies
from testbed.engine import labels
from testbed.errors import EngineError, MisuseError
from testbed.topology import Topology

if TYPE_CHECKING:
    import docker


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is written down about a topology, on its server containers: enough to find and describe it again.

    Attributes:
        name: of the topology.
        topology: as it was asked for.
        addresses: of the servers, by name.
        anchors: PEM certificate that a client must trust, by server.
        stays: it outlives whoever started it.
    """

    name: str
    topology: Topology
    addresses: dict[ServerName, str]
    anchors: dict[ServerName, str]
    stays: bool = False


def check_name(name: str) -> None:
    """Refuse a name that cannot be part of a host name.

    Raises:
        MisuseError: says what a name may be.
    """
    if not re.fullmatch(topologies.NAME_FORM, name):
        raise MisuseError(f"{name!r} is no name for a topology: use up to 40 of a-z, 0-9 and -, no - at either end")


def records(client: docker.DockerClient, name: str | None = None) -> dict[str, Record]:
    """The topologies that are up, by name.

    Args:
        client: the engine.
        name: only the one of this name.

    Raises:
        EngineError: the engine does not answer.
        MisuseError: one was made by a version of this program that wrote something else down.
    """
    filters = [f"{labels.SERVICE}=server"] + ([] if name is None else [f"{labels.NAME}={name}"])
    try:
        rows = client.api.containers(all=True, filters={"label": filters})
    except (DockerException, RequestException) as error:
        raise EngineError(f"cannot ask the engine what is up: {error}") from error
    marks = [row["Labels"] for row in rows]
    try:
        found = [decode(mark[labels.RECORD], Record) for mark in marks if labels.RECORD in mark]
    except msgspec.DecodeError as error:
        raise MisuseError(f"another version of this program made one of the topologies: {error}") from error
    return {record.name: record for record in found}
