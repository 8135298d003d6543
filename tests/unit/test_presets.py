"""The topologies that come with the testbed can be read, and say what they are."""

from __future__ import annotations

import pytest

from testbed import presets, topology
from testbed.errors import MisuseError


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_is_a_topology_that_says_what_it_is(name: str) -> None:
    """Its first line is a sentence for `testbed topologies`, and only the pair is the default."""
    assert presets.about(name).endswith(".")
    wanted = topology.derive(presets.fields(name))
    assert (wanted == topology.Topology()) == (name == "pair")


def test_all_kinds_of_topology_come_as_presets() -> None:
    """The pair, an Application Server for either portal, an expansion system, and what leaves resilience unready."""
    unmet = {name: topology.unmet(topology.derive(presets.fields(name))) for name in presets.names()}
    assert unmet == {
        "application-primary": (),
        "application-secondary": (),
        "different-versions": ("CFG-9",),
        "expansion": (),
        "not-select": ("CFG-2",),
        "pair": (),
        "small-disk": (),
        "upgraded": ("CFG-5",),
    }


def test_an_unknown_preset_is_refused() -> None:
    """Those that exist are named."""
    with pytest.raises(MisuseError, match="there are application-primary, "):
        presets.fields("tripple")
