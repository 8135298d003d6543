"""Manager's way of working: load a core's configuration, edit it, save it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stubs import ports
from testbed.errors import RefusedError
from testbed.faults import Kill
from testbed.waiting import wait_until
from tests.scenarios.observing import WITHIN_S, eventually_serves, eventually_unmet

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.inspector import Inspector
    from testbed.nemesis import Nemesis

PATH = "/api/v1/configuration"


def _refused(manager: Inspector, body: Any, **headers: str) -> RefusedError:
    """The refusal of a save."""
    known = manager.administrator
    with pytest.raises(RefusedError) as refused:
        manager.call("PUT", ports.CORE_SERVICES, PATH, auth=known, json=body, headers=headers)
    return refused.value


@pytest.mark.rule("CFG-8")
def test_a_save_that_is_refused_names_the_field_and_changes_nothing(bed: Bed) -> None:
    """Stale, without the version loaded, invalid in itself, invalid as a whole: the configuration stays what it was."""
    manager = bed.inspectors[bed.primary.site]
    stale, configuration = manager.configuration()
    etag = manager.save_configuration(stale, configuration)
    before = manager.configuration()
    assert (before[0], before[1]) == (etag, configuration)
    edited = {**configuration, "system": {"mode": "standard"}}
    line = configuration["lines"][0]
    for body, headers, status, code, names in (
        (edited, {"If-Match": stale}, 412, "stale", "If-Match"),
        (edited, {"If-Match": '"no version"'}, 412, "stale", "If-Match"),
        (edited, {}, 428, "precondition_required", "If-Match"),
        ({**configuration, "system": {"mode": "selct"}}, {"If-Match": etag}, 422, "invalid_body", "$.system.mode"),
        ({**edited, "lines": [line, line]}, {"If-Match": etag}, 422, "invalid_body", "$.lines[1].number"),
        ({**edited, "lines": [{**line, "to": "primary"}]}, {"If-Match": etag}, 422, "invalid_body", "$.lines[0].to"),
        ({**edited, "colour": "red"}, {"If-Match": etag}, 422, "invalid_body", "colour"),
        ({"system": {"mode": "standard"}}, {"If-Match": etag}, 422, "invalid_body", "lines"),
    ):
        refusal = _refused(manager, body, **headers)
        assert (refusal.status, refusal.code) == (status, code), refusal
        assert names in refusal.says
        assert manager.configuration() == before
    eventually_unmet(bed)


@pytest.mark.rule("CFG-8")
def test_of_two_who_loaded_the_same_only_the_first_saves(bed: Bed) -> None:
    """The second learns that somebody was faster, loads again, and loses nothing of the other's edit."""
    manager = bed.inspectors[bed.primary.site]
    etag, first = manager.configuration()
    _, second = manager.configuration()
    first["users"].append({"name": "carol", "password": "carol-password"})
    second["lines"][0]["supports_resiliency"] = False
    manager.save_configuration(etag, first)
    assert _refused(manager, second, **{"If-Match": etag}).code == "stale"
    etag, again = manager.configuration()
    again["lines"][0]["supports_resiliency"] = False
    manager.save_configuration(etag, again)
    saved = manager.configuration()[1]
    assert [user["name"] for user in saved["users"]] == [user["name"] for user in first["users"]]
    eventually_unmet(bed, "CFG-7")


@pytest.mark.rule("CFG-8")
def test_a_save_that_was_acknowledged_survives_the_death_of_the_core(bed: Bed, nemesis: Nemesis) -> None:
    """SIGKILL right after the answer: the core comes back with what was saved, under the same version."""
    manager = bed.inspectors[bed.primary.site]
    etag, configuration = manager.configuration()
    for _ in range(3):
        configuration["lines"][0]["number"] += 1
        etag = manager.save_configuration(etag, configuration)
        with nemesis.under(Kill(bed.primary.core)):
            pass
        wait_until(manager.redirect, lambda seen: seen is not None, within_s=WITHIN_S, what="the core to be back")
        assert manager.configuration() == (etag, configuration)
    eventually_serves(bed.primary, bed)
