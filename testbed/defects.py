"""The planted defects that can be switched on, where, and what catches each (`defects.toml`).

A defect is chosen as PLACE:NAME: the place is a server of the topology, or `clients`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

from testbed import layout
from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stubs.defects.planting import Defect
    from stubs.wire import ServerName
    from testbed.topology import Topology


class _Catalogue(Mapping[str, "Defect"]):
    """Loaded when first asked for: each brings along the modules in which it is, which are all that the stubs have."""

    @cached_property
    def _all(self) -> dict[str, Defect]:
        from stubs.defects import catalogue  # noqa: PLC0415 - as the class says
        from testbed.clients import defects as clients  # noqa: PLC0415 - as the class says

        return catalogue.of(*catalogue.AREAS, clients)

    def __getitem__(self, name: str) -> Defect:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


DEFECTS: Mapping[str, Defect] = _Catalogue()
"""All of them, by name."""

CLIENTS = "clients"
"""The place of the defects of clients."""


def _listed(what: str) -> Mapping[str, tuple[str, ...]]:
    text = resources.files("testbed").joinpath("defects.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: tuple(found) for name, found in tomllib.loads(text)[what].items()})


CAUGHT_BY = _listed("tests")
"""The tests that catch each; `tests/defects` shows that they do."""

SEEN_BY = _listed("checkers")
"""The checkers that fail on the history of a run with it, for those of which such a history is kept."""


def defect_named(name: str) -> Defect:
    """A defect by its name.

    Raises:
        MisuseError: there is none.
    """
    defect = DEFECTS.get(name)
    if defect is None:
        raise MisuseError(f"no defect is called {name!r}: `testbed defects` lists them")
    return defect


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A defect that a topology has.

    Attributes:
        place: a server, or `clients`.
        defect: which.
    """

    place: str
    defect: Defect

    @property
    def told(self) -> str:
        """As it was chosen."""
        return f"{self.place}:{self.defect.name}"


def planted(topology: Topology) -> tuple[Planted, ...]:
    """The defects of a topology.

    Raises:
        MisuseError: there is no such defect or server, the server lacks what would have it, or one is named twice.
    """
    found = tuple(_planted(topology, text) for text in topology.defects)
    if len(set(topology.defects)) < len(found):
        raise MisuseError(f"a defect is named twice: {', '.join(topology.defects)}")
    return found


def of_service(topology: Topology, server: ServerName, service: str) -> tuple[str, ...]:
    """The names of the defects of one service of one server."""
    here = [each for each in planted(topology) if each.place == server.value]
    return tuple(each.defect.name for each in here if each.defect.part == service)


def of_clients(topology: Topology) -> tuple[Defect, ...]:
    """The defects of the clients of a topology."""
    return tuple(each.defect for each in planted(topology) if each.place == CLIENTS)


def _planted(topology: Topology, text: str) -> Planted:
    place, colon, name = text.partition(":")
    if not colon:
        raise MisuseError(f"the defect {text!r} is planted where? Write SERVER:{text}, such as primary:{text}")
    defect = defect_named(name)
    parts = (CLIENTS,) if place == CLIENTS else ("server", *layout.services(topology, layout.named(topology, place)))
    if defect.part not in parts:
        of = "the clients" if defect.part == CLIENTS else f"a {defect.part}"
        raise MisuseError(f"{name} is a defect of {of}, and {place} has {' and '.join(parts)}")
    return Planted(place=place, defect=defect)
