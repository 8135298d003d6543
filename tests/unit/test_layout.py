"""Which servers a topology has, and what is installed on each."""

from __future__ import annotations

from typing import Any

import pytest

from stubs.wire import ServerName, Site
from testbed import layout, topology
from testbed.errors import MisuseError
from testbed.topology import Topology

P, S, A, E = ServerName.PRIMARY, ServerName.SECONDARY, ServerName.APPLICATION, ServerName.EXPANSION
ADDRESSES = {P: "10.0.0.2", S: "10.0.0.3", A: "10.0.0.4", E: "10.0.0.5"}


def derived(**fields: Any) -> Topology:
    """A topology that differs from the default in these fields."""
    return topology.derive(fields)


def replacing(site: str) -> Topology:
    """A topology with an Application Server in place of a portal."""
    return derived(application_server={"replaces": site})


@pytest.mark.parametrize(
    ("wanted", "services"),
    [
        (derived(), {P: ("core", "portal"), S: ("core", "portal")}),
        (replacing("primary"), {P: ("core",), S: ("core", "portal"), A: ("portal",)}),
        (replacing("secondary"), {P: ("core", "portal"), S: ("core",), A: ("portal",)}),
        (derived(expansion=True), {P: ("core", "portal"), S: ("core", "portal"), E: ("core",)}),
    ],
)
def test_each_server_has_the_services_of_its_kind(
    wanted: Topology, services: dict[ServerName, tuple[str, ...]]
) -> None:
    """CFG-10: an embedded portal that is replaced is not installed; every half has one core and one portal."""
    assert {name: layout.services(wanted, name) for name in layout.servers(wanted)} == services


@pytest.mark.parametrize("site", Site)
def test_an_application_server_belongs_to_the_half_whose_portal_it_replaces(site: Site) -> None:
    """CFG-10: a cut between the halves separates it from the other half, and its core is that half's."""
    wanted = replacing(site.value)
    assert layout.side(wanted, site) == (site.server, A)
    assert layout.side(wanted, site.other) == (site.other.server,)
    assert layout.core_server(wanted, A) is site.server
    assert layout.portal_server(wanted, site) is A
    assert layout.portal_server(wanted, site.other) is site.other.server
    assert [layout.out_of_use(wanted, name) for name in (site.server, site.other.server)] == [True, False]


def test_an_expansion_system_belongs_to_neither_half() -> None:
    """No cut between the halves touches it."""
    wanted = derived(expansion=True)
    assert layout.half(wanted, E) is None
    assert [layout.side(wanted, site) for site in Site] == [(P,), (S,)]


def test_every_server_is_told_where_all_portals_and_cores_are() -> None:
    """CFG-10: the redirect and the links lead to the Application Server; its settings are the replaced portal's."""
    wanted = derived(application_server={"replaces": "secondary"}, expansion=True, secondary={"portal_version": "12.9"})
    told = {
        name: layout.installation(wanted, name, name="demo", addresses=ADDRESSES, secret="s")
        for name in layout.servers(wanted)
    }
    for installed in told.values():
        assert {site: at.address for site, at in installed.portals.items()} == {
            Site.PRIMARY: "10.0.0.2",
            Site.SECONDARY: "10.0.0.4",
        }
        assert {name: at.address for name, at in installed.cores.items()} == {
            name: ADDRESSES[name] for name in (P, S, E)
        }
    assert told[A].site is Site.SECONDARY
    assert told[A].baseline.portal_version == "12.9"
    assert told[A].baseline.host_domain_name == "application.demo.test"
    assert told[E].half is None


def test_users_are_told_to_their_home_only() -> None:
    """CONT-1 rests on it: an expansion system is home to its own."""
    carol = {"name": "carol", "password": "c", "home": "expansion"}
    wanted = derived(expansion=True, users=[carol])
    homes = {name: [user.name for user in _users(wanted, name)] for name in layout.servers(wanted)}
    assert homes == {P: [], S: [], E: ["carol"]}


def _users(wanted: Topology, name: ServerName) -> tuple[Any, ...]:
    return layout.installation(wanted, name, name="demo", addresses=ADDRESSES, secret="s").baseline.users


def test_a_user_without_a_home_is_refused() -> None:
    """The field is named."""
    carol = {"name": "carol", "password": "c", "home": "expansion"}
    with pytest.raises(MisuseError, match=r"expansion = true - at `\$\.users\[0\]\.home`"):
        derived(users=[carol])


@pytest.mark.parametrize("text", ["application", "expansion", "tertiary", "", "Primary"])
def test_a_server_that_is_not_there_is_refused(text: str) -> None:
    """Those that are there are named."""
    with pytest.raises(MisuseError, match=r"there are primary, secondary$"):
        layout.named(Topology(), text)
