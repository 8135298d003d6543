"""Failover: the primary's portal or core ends, the secondary takes over, and users go or are sent there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.screen import Shows
from testbed.faults import Fault, Kill, Pause, Stop, lose
from tests.scenarios.observing import eventually_serves, eventually_shown, portal, shown, still_opens

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis

ENDS_OF_THE_PORTAL: dict[str, Callable[[Bed], Fault]] = {
    "stopped in order": lambda bed: Stop(bed.primary.portal),
    "killed": lambda bed: Kill(bed.primary.portal),
    "frozen": lambda bed: Pause(bed.primary.portal),
    "lost with its server": lambda bed: lose(bed.primary),
}

ENDS_OF_THE_CORE: dict[str, Callable[[Bed], Fault]] = {
    "stopped in order": lambda bed: Stop(bed.primary.core),
    "killed": lambda bed: Kill(bed.primary.core),
    "frozen": lambda bed: Pause(bed.primary.core),
}


@pytest.mark.rule("CFG-1", "ROLE-2", "ROLE-5")
@pytest.mark.parametrize("how", ENDS_OF_THE_PORTAL)
def test_the_secondary_serves_while_the_primarys_portal_is_gone(bed: Bed, nemesis: Nemesis, how: str) -> None:
    """Whatever ended the portal, the secondary takes over by itself and gives back when it returns."""
    with nemesis.under(ENDS_OF_THE_PORTAL[how](bed)):
        eventually_serves(bed.secondary, bed)
    eventually_serves(bed.primary, bed)


@pytest.mark.rule("CFG-1", "ROLE-3", "ROLE-6", "VIEW-2")
@pytest.mark.parametrize("how", ENDS_OF_THE_CORE)
def test_the_primarys_portal_hands_over_while_its_core_is_gone(bed: Bed, nemesis: Nemesis, how: str) -> None:
    """The portal's process runs, shows Starting and takes no log-ins; all is given back when the core returns."""
    with nemesis.under(ENDS_OF_THE_CORE[how](bed)):
        eventually_serves(bed.secondary, bed)
        assert shown(bed.primary, bed) == ("Starting", "yellow")
        assert portal(bed.primary, bed)["role"] == "Starting"
    eventually_serves(bed.primary, bed)
    assert shown(bed.secondary, bed) == ("Starting", "yellow")


@pytest.mark.rule("VIEW-3")
def test_the_platform_view_answers_while_core_and_portal_are_down(bed: Bed, nemesis: Nemesis) -> None:
    """Both services show Stopped in red, and Available in green when they run again."""
    with nemesis.under(Kill(bed.primary.core), Kill(bed.primary.portal)):
        eventually_shown(bed.primary, bed, "Stopped")
        eventually_shown(bed.primary, bed, "Stopped", "core")
        assert shown(bed.primary, bed) == ("Stopped", "red")
        assert shown(bed.primary, bed, "core") == ("Stopped", "red")
    eventually_shown(bed.primary, bed, "Available")
    assert shown(bed.primary, bed, "core") == ("Available", "green")


@pytest.mark.rule("REDIR-1", "REDIR-4", "CLIENT-1")
def test_a_web_user_is_sent_to_the_secondary_when_only_the_portal_dies(
    bed: Bed, web_client: WebClient, nemesis: Nemesis
) -> None:
    """The primary's core still answers, so it can say who serves now; failback sends the user home again."""
    user = web_client.log_in("alice", at=bed.primary)
    with nemesis.under(Kill(bed.primary.portal)):
        assert user.eventually_at(bed.secondary).asks_for("login")
        assert user.log_in_again().shows is Shows.HOME
    assert user.eventually_at(bed.primary).asks_for("login")
    assert user.log_in_again().shows is Shows.HOME


@pytest.mark.rule("REDIR-2")
def test_nobody_is_sent_anywhere_when_the_core_is_down_too(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """The user stays where contact was lost, and can log in on the secondary by its address."""
    user = web_client.log_in("alice", at=bed.primary)
    with nemesis.under(Stop(bed.primary.core), Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        assert user.stays_at(bed.primary, polls=5).shows is Shows.LOST_CONTACT
        assert user.log_in_at(bed.secondary).shows is Shows.HOME
    assert user.eventually_at(bed.primary).asks_for("login")


@pytest.mark.rule("REDIR-2")
def test_nobody_is_sent_anywhere_when_only_the_core_is_down(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """The primary's portal still answers, but nobody there can say who serves."""
    user = web_client.log_in("alice", at=bed.primary)
    with nemesis.under(Kill(bed.primary.core)):
        eventually_serves(bed.secondary, bed)
        assert user.stays_at(bed.primary, polls=5).shows is Shows.LOST_CONTACT


@pytest.mark.rule("REDIR-3")
def test_a_new_user_is_not_redirected_in_failover(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """The address of the dead portal fails; the secondary's works."""
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        screen = web_client.new("alice").open(bed.primary)
        assert screen.server == bed.primary.name
        assert screen.shows is Shows.UNREACHABLE
        assert web_client.log_in("bob", at=bed.secondary).screen.server == bed.secondary.name


@pytest.mark.rule("REDIR-3")
def test_a_portal_that_handed_over_says_so_to_a_new_user(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """Its process answers with an explanation, and sends nobody away."""
    with nemesis.under(Stop(bed.primary.core)):
        eventually_serves(bed.secondary, bed)
        screen = web_client.new("alice").open(bed.primary)
        assert (screen.server, screen.shows) == (bed.primary.name, Shows.NOT_SERVING)


@pytest.mark.rule("REDIR-4", "REDIR-5", "REDIR-6")
def test_failback_ends_the_sessions_of_the_secondary(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """Its users are sent to the primary, a new user is redirected, and an old session is worth nothing anywhere."""
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        user = web_client.log_in("bob", at=bed.secondary)
        cookie = user.session_cookie
        assert cookie is not None
    assert user.eventually_at(bed.primary).asks_for("login")
    stranger = web_client.new("alice")
    stranger.open(bed.secondary)
    assert stranger.eventually_at(bed.primary).asks_for("login")
    for server in bed.pair:
        assert not still_opens(user, cookie, server)


@pytest.mark.rule("REDIR-6")
def test_an_old_session_does_not_revive_in_a_second_failover(bed: Bed, web_client: WebClient, nemesis: Nemesis) -> None:
    """The secondary serves again, but knows nobody from the time before."""
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        user = web_client.log_in("bob", at=bed.secondary)
        cookie = user.session_cookie
        assert cookie is not None
    eventually_serves(bed.primary, bed)
    with nemesis.under(Stop(bed.primary.portal)):
        eventually_serves(bed.secondary, bed)
        assert not still_opens(user, cookie, bed.secondary)
