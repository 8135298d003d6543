"""A topology file is read strictly, and every wrong value is named."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from stubs.installation import Installation
from stubs.wire import ServerName, Site
from testbed import layout, topology
from testbed.errors import MisuseError
from testbed.topology import Topology

ADDRESSES = {ServerName.PRIMARY: "10.0.0.2", ServerName.SECONDARY: "10.0.0.3"}


def test_an_empty_file_is_a_pair_that_is_ready() -> None:
    """Every default together leaves no rule unmet."""
    assert topology.read("", source="x.toml") == Topology()
    assert topology.unmet(Topology()) == ()


def test_a_file_changes_only_the_fields_it_names() -> None:
    """A table is merged field by field with the defaults."""
    read = topology.read('time_scale = 0.01\n[secondary]\nportal_version = "12.1"\n', source="x.toml")
    assert read.time_scale == 0.01
    assert read.secondary.portal_version == "12.1"
    assert read.secondary.failover is Topology().secondary.failover
    assert read.primary == Topology().primary


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("time_scale = ", "x.toml"),
        ('colour = "red"', "colour"),
        ('[primary]\ncolour = "red"', "$.primary"),
        ('time_scale = "fast"', "$.time_scale"),
        ("time_scale = 0", "$.time_scale"),
        ('certificates = "none"', "$.certificates"),
        ('[primary]\ninstallation = "old"', "$.primary.installation"),
        ("primary = 3", "$.primary"),
        ("[primary]\ndetection_minutes = 0.5", "$.primary.detection_minutes"),
        ('[[users]]\nname = "a b"\npassword = "p"\nhome = "primary"', "$.users[0].name"),
        ('[[users]]\nname = "a"\npassword = "p"\nhome = "moon"', "$.users[0].home"),
        ('[[users]]\nname = "a"\npassword = "p"', "home"),
        ('[primary]\nhost_domain_name = "a b"', "$.primary.host_domain_name"),
    ],
)
def test_a_wrong_value_is_refused_with_its_file_and_field(text: str, named: str) -> None:
    """The message says where the mistake is."""
    with pytest.raises(MisuseError) as refused:
        topology.read(text, source="x.toml")
    assert "x.toml" in str(refused.value)
    assert named in str(refused.value)


def test_two_users_of_one_name_are_refused() -> None:
    """Names are unique over both servers, as both portals know all users."""
    user = {"name": "eve", "password": "p", "home": "primary"}
    with pytest.raises(MisuseError, match="eve"):
        topology.derive({"users": [user, {**user, "home": "secondary"}]})


@pytest.mark.parametrize(
    ("fields", "unmet"),
    [
        ({"primary": {"select": False}}, ("CFG-2",)),
        ({"secondary": {"central_cti": False}}, ("CFG-5",)),
        ({"secondary": {"installation": "upgraded"}}, ("CFG-5",)),
        ({"secondary": {"installation": "upgraded", "central_cti": True}}, ()),
        ({"primary": {"failover": False}}, ("CFG-6",)),
        ({"primary": {"supports_resiliency": False}}, ("CFG-7",)),
        ({"primary": {"backs_up_portal": False}}, ("CFG-7",)),
        ({"secondary": {"portal_version": "11.0"}}, ("CFG-9",)),
        ({"secondary": {"host_domain_name": ""}}, ("CFG-12",)),
        ({"primary": {"select": False, "failover": False}}, ("CFG-2", "CFG-6")),
    ],
)
def test_what_a_topology_leaves_unmet_is_known_beforehand(fields: dict[str, object], unmet: tuple[str, ...]) -> None:
    """Each missing prerequisite is named by its rule, all of them at once (CFG-13)."""
    assert topology.unmet(topology.derive(fields)) == unmet


@pytest.mark.parametrize(
    ("fields", "central_cti"),
    [({}, True), ({"installation": "upgraded"}, False), ({"installation": "upgraded", "central_cti": True}, True)],
)
def test_an_upgraded_server_starts_without_central_cti_link(fields: dict[str, object], *, central_cti: bool) -> None:
    """CFG-5: unless the topology says otherwise; the other server has its own default."""
    described = topology.derive({"primary": fields})
    told = {
        server: layout.installation(
            described, server, name="demo", addresses=ADDRESSES, secret="s"
        ).baseline.central_cti
        for server in layout.servers(described)
    }
    assert told == {ServerName.PRIMARY: central_cti, ServerName.SECONDARY: True}


def test_the_readmes_topology_file_is_one() -> None:
    """What a reader copies from it is accepted, and shows every field that there is."""
    readme = (Path(topology.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", readme, flags=re.DOTALL)
    wanted = tomllib.loads(example)
    assert topology.read(example, source="README.md").expansion
    assert set(wanted) | {"secondary"} == set(Topology.__struct_fields__)
    assert set(wanted["primary"]) == set(topology.ServerSpec.__struct_fields__)


def test_each_server_is_told_its_own_part_and_where_the_other_is() -> None:
    """What is installed survives the way through JSON, with the users of that home only."""
    told = layout.installation(Topology(), ServerName.SECONDARY, name="demo", addresses=ADDRESSES, secret="s")
    again = msgspec.json.decode(msgspec.json.encode(told), type=Installation)
    assert again == told
    assert (told.address, told.portals[Site.PRIMARY].address) == ("10.0.0.3", "10.0.0.2")
    assert told.hostname == told.baseline.host_domain_name == "secondary.demo.test"
    assert [user.name for user in told.baseline.users] == ["bob"]
