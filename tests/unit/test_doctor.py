"""What the doctor makes of what it sees: what lacks is named, with its remedy, and unknown is never fine."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, cast

import pytest

from testbed import environment, kernel
from testbed.doctor import left_over, of_browser, of_engine, of_kernel
from testbed.engine.subnets import room
from testbed.engine.sweep import Swept
from testbed.errors import EngineError
from testbed.network import kernel as kernel_of_faults

if TYPE_CHECKING:
    import docker

ALL = sorted({option for need in kernel.NEEDS for option in need.options})


def configuration(**other: str) -> str:
    """Of a kernel that has all, but for some options."""
    options = dict.fromkeys(ALL, "y") | other
    lines = [f"{name}={value}" if value else f"# {name} is not set" for name, value in options.items()]
    return "\n".join(["# Linux", "", *lines, 'CONFIG_LOCALVERSION="-y"', ""])


def test_a_kernel_with_all_options_lacks_nothing() -> None:
    """Built in or as modules."""
    for value in ("y", "m"):
        assert all(finding.ok for finding in of_kernel(configuration(**dict.fromkeys(ALL, value))))


@pytest.mark.parametrize("option", ALL)
@pytest.mark.parametrize("value", ["", "n"])
def test_an_option_that_lacks_is_named_by_all_that_need_it_and_by_nothing_else(option: str, value: str) -> None:
    """Only cuts and networks stop the testbed."""
    found = {finding.check: finding for finding in of_kernel(configuration(**{option: value}))}
    for need in kernel.NEEDS:
        finding = found[need.check]
        assert finding.ok == (option not in need.options)
        assert finding.needed == need.needed
        assert finding.remedy == ("" if finding.ok else f"A kernel with {option}.")


def test_a_name_that_only_begins_like_an_option_is_another() -> None:
    """CONFIG_NF_TABLES_INET is not CONFIG_NF_TABLES, nor the other way round."""
    assert kernel.built_with("CONFIG_NF_TABLES_INET=y\n# CONFIG_BRIDGE is not set\nXCONFIG_VETH=y\n") == {
        "CONFIG_NF_TABLES_INET"
    }


def test_a_kernel_that_does_not_tell_is_unknown_and_not_fine() -> None:
    """It is no reason to stop either."""
    (finding,) = of_kernel(None)
    assert not finding.ok
    assert not finding.needed
    assert "not known" in finding.detail


def test_what_was_tried_counts_for_more_than_what_is_written() -> None:
    """A module may not be there, whatever the kernel was built with; and an option that works does without a word."""
    tried = frozenset({kernel_of_faults.NETEM})
    found = {finding.check: finding for finding in of_kernel(configuration(), lacking=tried)}
    assert [check for check, finding in found.items() if not finding.ok] == ["kernel: delay"]
    assert found["kernel: delay"].remedy == "A kernel with CONFIG_NET_SCH_NETEM."
    without = configuration(**dict.fromkeys(kernel_of_faults.OPTIONS, ""))
    assert all(finding.ok for finding in of_kernel(without, lacking=frozenset()))


def test_what_can_be_tried_needs_no_text() -> None:
    """Only the others stay unknown."""
    first, *others = of_kernel(None, lacking=frozenset({kernel_of_faults.HTB}))
    assert "networks, cuts not known" in first.detail
    assert {finding.check: finding.ok for finding in others} == {
        "kernel: reject": True,
        "kernel: loss": True,
        "kernel: rate": False,
        "kernel: delay": False,
    }


def test_left_over_is_whatever_would_be_removed() -> None:
    """Files as well as what the engine has; what cannot be found out is no "none"."""
    assert (left_over(Swept(beds={"demo"})).ok, left_over(Swept()).detail) == (True, "none")
    finding = left_over(Swept(containers=["a", "b"], files=["/tmp/x"]))  # noqa: S108 - a name
    assert (finding.ok, finding.needed, finding.detail) == (False, False, "2 containers, 1 file")
    assert finding.remedy.startswith("testbed gc")
    unknown = left_over(Swept(failures=[EngineError("cannot ask")]))
    assert (unknown.ok, unknown.detail) == (False, "none; cannot ask")


@pytest.mark.parametrize(
    ("version", "api", "ok", "needed"),
    [
        ("20.10.24+dfsg1", "1.41", True, True),
        ("28.2.2", "1.50", True, True),
        ("20.9.1", "1.41", False, True),
        ("19.03.15", "1.40", False, True),
        ("20.10.0", "1.9", False, True),
        ("dev", "1.41", False, False),
    ],
)
def test_an_engine_is_fine_from_a_version_on(version: str, api: str, ok: bool, needed: bool) -> None:  # noqa: FBT001
    """Compared as numbers; what it is to be is named, and one that does not tell is not fine."""
    finding = of_engine(version, api, detail="seen")
    assert (finding.ok, finding.needed) == (ok, needed)
    assert ("Docker 20.10 or newer, API 1.41" in finding.remedy) is not ok


class Networks:
    """An engine that has networks with these subnets."""

    def __init__(self, *subnets: str) -> None:
        self.subnets = subnets

    def networks(self) -> list[dict[str, Any]]:
        """As Docker lists them; the host's own has none."""
        rows = [{"IPAM": {"Config": [{"Subnet": each}]}} for each in self.subnets]
        return [*rows, {"IPAM": {"Config": None}}, {"IPAM": None}]


@pytest.mark.parametrize(
    ("subnets", "free"),
    [
        ((), 16),
        (("10.9.0.0/28", "10.9.0.16/28"), 14),
        (("10.9.0.64/26",), 12),
        (("10.0.0.0/8",), 0),
        (("10.10.0.0/16", "fd00::/64"), 16),
    ],
)
def test_the_free_subnets_of_a_pool_are_counted(subnets: tuple[str, ...], free: int) -> None:
    """Whatever the size of what overlaps with them."""
    assert room(cast("docker.APIClient", Networks(*subnets)), IPv4Network("10.9.0.0/24")) == (free, 16)


def test_a_browser_that_lacks_is_named_with_its_package() -> None:
    """Nothing stops for want of it; one that is there is told by its path."""
    lacks = of_browser("firefox", None, environment.FIREFOX_BY_HAND)
    assert (lacks.ok, lacks.needed) == (False, False)
    assert lacks.remedy.startswith("make browser, or: apt-get install")
    assert "firefox-esr" in lacks.remedy
    assert of_browser("firefox", "/usr/bin/firefox-esr", "").detail == "/usr/bin/firefox-esr"


def test_a_browser_is_looked_for_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """And under its own name otherwise; one that is not there is none."""
    for variable, look in (("TESTBED_CHROMIUM", environment.chromium), ("TESTBED_FIREFOX", environment.firefox)):
        monkeypatch.setenv(variable, "/bin/sh")
        assert look() == "/bin/sh"
        monkeypatch.setenv(variable, "/nowhere/browser")
        assert look() is None
