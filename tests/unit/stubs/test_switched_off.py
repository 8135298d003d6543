"""With failover not in effect on the primary, the secondary's portal is stopped by itself (CFG-11)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stubs import clock
from stubs.portal.database import NotStoredError
from stubs.portal.moment import SWITCHED_OFF
from stubs.portal.runtime import Portal
from stubs.portal.store import Store
from stubs.resilience import Role
from stubs.server import view
from stubs.signs import SignBoard
from stubs.watchdog import Sign
from stubs.wire import Farewell, ServerName, Site
from testbed import layout, topology
from tests.unit.stubs.portals import ask, core_word, installed, word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stubs.wire import PortalStatus

ADMINISTRATOR = ("Administrator", "administrator-password")
START = "/api/v1/services/portal/start"


def of_primary(*, failover: bool) -> PortalStatus:
    """The word of a primary that serves."""
    said = word(Site.PRIMARY, serving=True, willing=True)
    return replace(said, facts=replace(said.facts, failover=failover))


class Starts:
    """A portal's process, start after start, on one disk.

    Args:
        path: of its database.
        site: which portal.
    """

    def __init__(self, path: Path, site: Site) -> None:
        self.store = Store(path, site=site, now=clock.utc_now)
        self._site = site
        self.asked = 0
        self.portal = self.start()

    def start(self, *, dormant: bool | None = None) -> Portal:
        """The next start."""
        self.portal = Portal(installed(self._site), self.store, dormant=dormant, begin_again=self._asked)
        self.portal.catch_up()
        return self.portal

    def hear(self, *, failover: bool) -> None:
        """The primary speaks."""
        self.portal.hear_peer(of_primary(failover=failover))
        self.portal.catch_up()

    def _asked(self) -> None:
        self.asked += 1


@pytest.fixture
def secondary(tmp_path: Path) -> Iterator[Starts]:
    """The secondary's portal, which knows nothing yet."""
    starts = Starts(tmp_path / "secondary.sqlite", Site.SECONDARY)
    yield starts
    starts.store.database.close()


def test_a_secondary_begins_again_when_failover_goes_off_and_on(secondary: Starts) -> None:
    """CFG-11: once for each change, however often the primary says the same, and dormant the first time."""
    secondary.hear(failover=True)
    assert (secondary.asked, secondary.portal.moment.dormant) == (0, False)
    for _ in range(3):
        secondary.hear(failover=False)
    assert secondary.asked == 1
    assert secondary.start().moment.dormant
    for _ in range(3):
        secondary.hear(failover=False)
    assert secondary.asked == 1
    secondary.hear(failover=True)
    assert secondary.asked == 2
    assert not secondary.start().moment.dormant


def test_a_dormant_portal_says_that_it_is_stopped_and_why(secondary: Starts) -> None:
    """CFG-11, VIEW-3: and it neither serves nor follows, but hears and tells what it is."""
    secondary.hear(failover=False)
    portal = secondary.start()
    secondary.hear(failover=False)
    for site in Site:
        portal.hear_core(site.server, core_word(site))
    portal.catch_up()
    sign = portal.moment.sign()
    assert (sign.state, sign.detail, sign.dormant, sign.boot) == ("Stopped", SWITCHED_OFF, True, portal.moment.boot)
    assert not portal.serving
    assert not portal.may_follow()
    assert portal.moment.state.role is Role.STARTING
    assert portal.moment.unmet == ("CFG-6",)


def test_a_portal_that_leaves_is_stopped_but_not_dormant(secondary: Starts) -> None:
    """A start by hand is refused only while failover is the reason."""
    secondary.hear(failover=False)
    moment = secondary.start().moment
    sign = replace(moment, state=replace(moment.state, farewell=Farewell.STOP)).sign()
    assert (sign.state, sign.dormant) == ("Stopped", False)


def test_what_the_start_before_said_counts_for_more_than_the_disk(
    secondary: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not make a secondary begin again without end."""

    def refuse(_key: str, _value: str) -> None:
        raise NotStoredError("disk full")

    monkeypatch.setattr(secondary.store, "remember", refuse)
    secondary.hear(failover=False)
    assert not secondary.start().moment.dormant
    assert secondary.start(dormant=True).moment.dormant
    secondary.hear(failover=False)
    assert secondary.asked == 1


def test_a_primary_never_stops_by_itself(tmp_path: Path) -> None:
    """CFG-11 is about the secondary, whose own setting counts nothing."""
    starts = Starts(tmp_path / "primary.sqlite", Site.PRIMARY)
    said = word(Site.SECONDARY)
    starts.portal.hear_peer(replace(said, facts=replace(said.facts, failover=False)))
    starts.portal.catch_up()
    assert starts.asked == 0
    assert not starts.start().moment.dormant
    starts.store.database.close()


def test_a_factory_reset_wakes_nobody_before_the_primary_speaks(secondary: Starts) -> None:
    """What failover is after the reset, the primary has to say."""
    secondary.hear(failover=False)
    portal = secondary.start()
    portal.knowledge.forget()
    assert portal.moment.dormant
    assert secondary.asked == 1
    assert not secondary.start().moment.dormant


@pytest.mark.parametrize(
    ("sign", "status", "code"),
    [
        (Sign(service="portal", state="Available"), 200, None),
        (Sign(service="portal", state="Starting"), 200, None),
        (Sign(service="portal", state="Stopped", detail=SWITCHED_OFF, dormant=True), 409, "not_ready"),
        (Sign(service="portal", state="Stopped"), 409, "not_running"),
        (None, 409, "not_running"),
    ],
)
def test_a_start_by_hand_is_answered_with_the_reason(sign: Sign | None, status: int, code: str | None) -> None:
    """CFG-11: nothing to do for one that runs, refused for one that may not run, and impossible without a process."""
    server = installed(Site.SECONDARY)
    signs = SignBoard(server.timing, server.services)
    if sign is not None:
        signs.hear("portal", sign)
    client = view.build(server, signs).test_client()
    answer = ask(client, "POST", START, auth=ADMINISTRATOR)
    assert (answer.status_code, answer.get_json().get("error")) == (status, code)
    if code == "not_ready":
        assert answer.get_json()["message"] == SWITCHED_OFF
        assert SWITCHED_OFF.replace("'", "&#39;") in ask(client, "GET", "/").text


def test_a_portal_that_is_out_of_use_cannot_be_started_by_hand() -> None:
    """CFG-10: 409 with the reason; and an expansion system has no portal at all."""
    described = topology.derive({"application_server": {"replaces": "secondary"}, "expansion": True})
    addresses = dict.fromkeys(layout.servers(described), "192.0.2.2")
    answers = {}
    for name in (ServerName.SECONDARY, ServerName.EXPANSION):
        server = layout.installation(described, name, name="unit", addresses=addresses, secret="secret")
        client = view.build(server, SignBoard(server.timing, server.services)).test_client()
        answers[name] = ask(client, "POST", START, auth=ADMINISTRATOR)
    assert [answer.status_code for answer in answers.values()] == [409, 404]
    assert "Application Server" in answers[ServerName.SECONDARY].get_json()["message"]


def test_a_start_by_hand_needs_the_administrator_and_a_service_that_exists() -> None:
    """401 and 404."""
    server = installed(Site.SECONDARY)
    client = view.build(server, SignBoard(server.timing, server.services)).test_client()
    assert ask(client, "POST", START).status_code == 401
    assert ask(client, "POST", START, auth=("Administrator", "wrong")).status_code == 401
    assert ask(client, "POST", START.replace("portal", "voicemail"), auth=ADMINISTRATOR).status_code == 404
