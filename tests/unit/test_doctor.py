"""What the doctor makes of what it sees: what lacks is named, with its remedy, and unknown is never fine."""

from __future__ import annotations

import pytest

from testbed import kernel
from testbed.doctor import left_over, of_kernel
from testbed.leftovers import Found

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


def test_only_what_a_dead_run_left_is_left_over() -> None:
    """By the name of its topology, or of the run where it had none yet."""
    kept = Found(run="1", name="demo", keeps=True)
    living = Found(run="2", name="t2", keeps=False)
    dead = (Found(run="3", name="t3", keeps=False), Found(run="4", name="", keeps=False))
    assert left_over([kept, living], is_alive=lambda run: run == "2").ok
    finding = left_over([kept, living, *dead], is_alive=lambda run: run == "2")
    assert (finding.ok, finding.needed, finding.detail, finding.remedy) == (False, False, "of 4, t3", "testbed gc")
