"""Whole clients against two fake servers: the sentences that scenarios are written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.certificates import own
from testbed.clients.client import LogInError
from testbed.clients.exchange import Answer, Standing
from testbed.clients.kinds import WebClient, world_of
from testbed.clients.screen import Shows
from testbed.clients.steps import Habit
from testbed.clients.trust import TrustStore
from testbed.clients.watched import MovedError
from testbed.errors import MisuseError, NotInTimeError
from testbed.history import History, read
from tests.unit.clients.conftest import USERS
from tests.unit.clients.fakes import LOOPBACK, Reply

if TYPE_CHECKING:
    from testbed.clients.kinds import CallAssistant, OutlookPlugin
    from tests.unit.clients.conftest import Pair


def test_a_web_user_is_sent_over_and_back(bed: Pair, web_client: WebClient) -> None:
    """REDIR-1, REDIR-4: over by the primary's core, back by the secondary; a log-in by hand each time."""
    user = web_client.log_in("alice", at=bed.primary)
    bed.fail_over()
    assert user.eventually_at(bed.secondary).asks_for("login")
    assert user.log_in_again().shows is Shows.HOME
    user.stays_at(bed.secondary, polls=3)
    bed.fail_back()
    assert user.eventually_at(bed.primary).asks_for("login")
    assert [(screen.server, screen.shows) for screen in user.screens] == [
        (None, Shows.NOTHING),
        ("primary", Shows.LOGIN),
        ("primary", Shows.HOME),
        ("secondary", Shows.LOGIN),
        ("secondary", Shows.HOME),
        ("primary", Shows.LOGIN),
    ]
    assert [(met.server, met.verdict.standing) for met in user.prompts] == [
        ("primary", Standing.UNKNOWN_CA),
        ("secondary", Standing.UNKNOWN_CA),
    ]


def test_a_web_user_without_the_primarys_core_waits_in_place(bed: Pair, web_client: WebClient) -> None:
    """REDIR-2: nobody says where to go; the user's own address for the secondary works."""
    user = web_client.log_in("alice", at=bed.primary, trust=bed.trust())
    bed.fail_over()
    bed.primary.core.stop()
    assert user.stays_at(bed.primary, polls=4).shows is Shows.LOST_CONTACT
    assert user.log_in_at(bed.secondary).shows is Shows.HOME
    assert bed.primary.core.seen.lines == []


def test_a_new_user_is_redirected_by_a_secondary_that_waits(bed: Pair, web_client: WebClient) -> None:
    """REDIR-5: in normal running the secondary's address leads to the primary's log-in form."""
    user = web_client.new("alice", trust=bed.trust())
    screen = user.open(bed.secondary)
    assert (screen.server, screen.shows) == ("primary", Shows.LOGIN)


def test_a_new_user_finds_a_dead_primary_unreachable(bed: Pair, web_client: WebClient) -> None:
    """REDIR-3: nothing redirects a new user, however often the error page reloads."""
    bed.fail_over()
    user = web_client.new("alice", trust=bed.trust())
    assert user.open(bed.primary).shows is Shows.UNREACHABLE
    assert user.stays_at(bed.primary, polls=3).shows is Shows.UNREACHABLE
    assert bed.primary.core.seen.lines == []


def test_a_waiting_prompt_interrupts_until_it_is_accepted(bed: Pair, web_client: WebClient) -> None:
    """CERT-1: the secondary sees handshakes and no request until the user accepts."""
    trust = TrustStore.with_anchor(bed.primary.certificate.anchor)
    user = web_client.log_in("alice", at=bed.primary, trust=trust, prompts="wait")
    bed.fail_over()
    assert user.eventually_at(bed.secondary).asks_for("certificate")
    user.stays_at(bed.secondary, polls=3)
    assert len(bed.secondary.portal.seen.names) == 1
    assert bed.secondary.portal.seen.requests == []
    assert user.accept_certificate().asks_for("login")
    assert user.log_in_again().server == "secondary"


def test_an_accepted_certificate_interrupts_only_once(bed: Pair, web_client: WebClient) -> None:
    """CERT-2: who accepted it in an earlier life of the client is not asked again."""
    bed.fail_over()
    earlier = web_client.log_in("alice", at=bed.secondary)
    assert len(earlier.prompts) == 1
    later = web_client.log_in("alice", at=bed.secondary, trust=earlier.trust, prompts="decline")
    assert later.prompts == ()


@pytest.mark.parametrize("factory", ["web_client", "outlook_plugin"])
def test_a_declined_certificate_leaves_only_handshakes_behind(
    bed: Pair, factory: str, request: pytest.FixtureRequest
) -> None:
    """CERT-4: disconnected for good, one prompt however often it retries, and no request to the secondary."""
    trust = TrustStore.with_anchor(bed.primary.certificate.anchor)
    clients: WebClient = request.getfixturevalue(factory)
    user = clients.log_in("alice", at=bed.primary, trust=trust, prompts="decline")
    bed.fail_over()
    user.eventually_shows(Shows.DISCONNECTED)
    assert user.stays_at(bed.primary, polls=5).shows is Shows.DISCONNECTED
    assert [met.habit for met in user.prompts] == [Habit.DECLINE]
    seen = bed.secondary.portal.seen
    assert seen.requests == []
    assert set(seen.handshakes) == {"TLSV1_ALERT_UNKNOWN_CA"}
    bed.fail_back()
    assert user.eventually_at(bed.primary).shows in {Shows.LOGIN, Shows.HOME}


def test_a_replaced_certificate_prompts_under_its_own_name(bed: Pair, web_client: WebClient) -> None:
    """CERT-5: the exception made before does not cover the new certificate."""
    user = web_client.log_in("alice", at=bed.primary)
    bed.primary.install(own(bed.primary.hostname, LOOPBACK))
    user.open(bed.primary)
    assert [met.verdict.standing for met in user.prompts] == [Standing.UNKNOWN_CA, Standing.REPLACED]


def test_an_outlook_user_is_reconnected_over_and_back(bed: Pair, outlook_plugin: OutlookPlugin) -> None:
    """CLIENT-2: on failover and on failback the plug-in logs in by itself."""
    user = outlook_plugin.log_in("alice", at=bed.primary, trust=bed.trust())
    bed.fail_over()
    assert user.eventually_at(bed.secondary).shows is Shows.HOME
    bed.fail_back()
    assert user.eventually_at(bed.primary).shows is Shows.HOME


def test_a_plug_in_waits_at_the_certificate_prompt(bed: Pair, outlook_plugin: OutlookPlugin) -> None:
    """CERT-3: no credentials go to the secondary before its certificate is accepted."""
    trust = TrustStore.with_anchor(bed.primary.certificate.anchor)
    user = outlook_plugin.log_in("alice", at=bed.primary, trust=trust, prompts="wait")
    bed.fail_over()
    assert user.eventually_at(bed.secondary).asks_for("certificate")
    assert bed.secondary.portal.seen.requests == []
    assert user.accept_certificate().shows is Shows.HOME


def test_call_assistant_stays_until_its_user_types_another_address(bed: Pair, call_assistant: CallAssistant) -> None:
    """CLIENT-3: it asks no core, follows no redirect, and works where its user puts it."""
    user = call_assistant.log_in("alice", at=bed.primary, trust=bed.trust())
    bed.fail_over()
    user.eventually_shows(Shows.DISCONNECTED, at=bed.primary)
    assert user.log_in_at(bed.secondary).shows is Shows.HOME
    bed.fail_back()
    user.eventually_shows(Shows.DISCONNECTED, at=bed.secondary)
    user.stays_at(bed.secondary, polls=3)
    assert bed.primary.core.seen.lines == bed.secondary.core.seen.lines == []
    assert user.log_in_at(bed.primary).shows is Shows.HOME


def test_servers_that_redirect_to_each_other_end_in_a_named_loop(bed: Pair, web_client: WebClient) -> None:
    """REDIR-8: a loop is shown, and costs one request a server."""
    bed.primary.waits(sends_to=bed.secondary)
    user = web_client.new("alice", trust=bed.trust())
    assert user.open(bed.primary).shows is Shows.REDIRECT_LOOP
    requests = bed.primary.portal.seen.lines + bed.secondary.portal.seen.lines
    assert requests == ["GET /onexportal.html"] * 2


def test_a_frozen_portal_is_noticed_by_its_silence(bed: Pair, web_client: WebClient) -> None:
    """A portal that takes the request and never answers sends its user to the core as a dead one does."""
    user = web_client.log_in("alice", at=bed.primary, trust=bed.trust())
    bed.fail_over()
    bed.primary.portal.respond = lambda _: None
    bed.primary.portal.start()
    assert user.eventually_at(bed.secondary).asks_for("login")


def test_an_old_session_is_tried_without_being_kept(bed: Pair, web_client: WebClient) -> None:
    """REDIR-6: one server's cookie is shown to the other, which refuses it; the client's own stays."""
    user = web_client.log_in("alice", at=bed.primary, trust=bed.trust())
    cookie = user.session_cookie
    assert cookie is not None
    assert cookie == user.session_cookie_of(bed.primary)
    bed.secondary.serves()
    for server, status in ((bed.secondary, 401), (bed.primary, 200)):
        tried = user.try_cookie(cookie, at=server)
        assert isinstance(tried, Answer)
        assert tried.status == status
    assert user.session_cookie == cookie
    assert user.session_cookie_of(bed.secondary) is None


def test_a_user_changes_and_reads_what_is_theirs(bed: Pair, web_client: WebClient) -> None:
    """Add, replace, read and delete go to the server that the client is at, and say ok only when done."""
    user = web_client.log_in("alice", at=bed.primary)
    added = user.change("settings", {"key": "tone", "value": "low"})
    assert added.ok
    assert added.item is not None
    item = added.item["id"]
    assert user.change("settings", {"key": "tone", "value": "high"}, item=item).ok
    assert user.read("settings").items == ({"key": "tone", "value": "high", "id": item},)
    assert user.delete("settings", item).ok
    bed.primary.waits()
    assert user.change("settings", {"key": "tone", "value": "off"}).end == "fail"
    bed.primary.portal.stop()
    assert user.change("settings", {"key": "tone", "value": "off"}).end == "fail"


def test_a_change_that_got_no_answer_is_info(bed: Pair, web_client: WebClient, history: History) -> None:
    """A frozen portal may have stored it: the outcome and the history both say so."""
    user = web_client.log_in("alice", at=bed.primary)
    bed.primary.portal.respond = lambda _: None
    assert user.change("contacts", {"name": "Bob", "number": "1"}).end == "info"
    invoked, *_, ended = [r for r in read(history.path) if "op" in r.fields]
    assert (invoked.kind, ended.kind, invoked.fields["op"]) == ("invoke", "info", ended.fields["op"])


def test_a_refused_log_in_says_what_the_client_shows(bed: Pair, web_client: WebClient) -> None:
    """Wrong credentials, a waiting prompt and a dead server each raise, with the screen."""
    with pytest.raises(LogInError, match="invalid_credentials") as wrong:
        web_client.log_in("mallory", at=bed.primary)
    assert wrong.value.screen.asks_for("login")
    with pytest.raises(LogInError) as waiting:
        web_client.log_in("alice", at=bed.primary, prompts="wait")
    assert waiting.value.screen.asks_for("certificate")
    bed.primary.portal.stop()
    with pytest.raises(LogInError, match="refused"):
        web_client.log_in("alice", at=bed.primary)


def test_logging_in_again_where_it_fails_raises(bed: Pair, web_client: WebClient) -> None:
    """A form that does not lead home is an error with the screen; no form at all is the caller's mistake."""
    user = web_client.new("mallory", trust=bed.trust())
    user.open(bed.primary)
    with pytest.raises(LogInError):
        user.log_in_again()
    bed.primary.waits()
    user.open(bed.primary)
    with pytest.raises(MisuseError):
        user.log_in_again()


def test_the_core_is_asked_without_cookies(bed: Pair, web_client: WebClient) -> None:
    """REDIR-6: the session is the portal's; another port of the same host neither gets nor sets it."""
    user = web_client.log_in("alice", at=bed.primary, trust=bed.trust())
    cookie = user.session_cookie
    planted = ("Set-Cookie", "onex_session=planted; Path=/")
    bed.primary.core.respond = lambda _: Reply(200, {"portal": None}, headers=(planted,))
    bed.primary.portal.stop()
    assert user.poll().shows is Shows.LOST_CONTACT
    assert "Cookie" not in bed.primary.core.seen.requests[0].headers
    assert user.session_cookie_of(bed.primary) == cookie


def test_arriving_is_more_than_being_sent(bed: Pair, web_client: WebClient) -> None:
    """Waiting goes on while the client is still at home elsewhere, or sees "not serving" there."""
    user = web_client.log_in("alice", at=bed.primary, trust=bed.trust())
    fine, not_serving = Reply(200, {"user": "alice"}), Reply(503)
    to_secondary = Reply(307, headers=(("Location", f"{bed.secondary.api_url}/session"),))
    primarys, secondarys = iter([fine, fine, to_secondary]), iter([not_serving, Reply(200), Reply(401)])
    bed.primary.portal.respond = lambda _: next(primarys)
    bed.secondary.portal.respond = lambda _: next(secondarys)
    screen = user.eventually_at(bed.secondary)
    assert (screen.server, screen.shows) == ("secondary", Shows.LOGIN)
    assert user.screens[-2].shows is Shows.NOT_SERVING


def test_a_plug_in_with_wrong_credentials_does_not_try_them_for_ever(bed: Pair, outlook_plugin: OutlookPlugin) -> None:
    """One refused log-in asks the user; polls add no further attempt."""
    user = outlook_plugin.new("mallory", trust=bed.trust())
    assert user.log_in_at(bed.primary).asks_for("login")
    user.stays_at(bed.primary, polls=3)
    assert bed.primary.portal.seen.lines == ["POST /api/v1/session"]


def test_waiting_in_vain_names_the_last_screens(bed: Pair, web_client: WebClient) -> None:
    """An expectation that does not come true says what was shown instead."""
    user = web_client.log_in("alice", at=bed.primary, trust=bed.trust())
    bed.primary.core_names = None
    bed.primary.portal.stop()
    with pytest.raises(NotInTimeError, match="lost contact"):
        user.eventually_at(bed.secondary, within_s=0.05)


def test_staying_drives_exactly_the_polls_asked_for(bed: Pair, web_client: WebClient) -> None:
    """Each poll is one question to the portal; a client that moves is an error at once."""
    user = web_client.log_in("alice", at=bed.primary, trust=bed.trust())
    bed.primary.portal.seen.requests.clear()
    user.stays_at(bed.primary, polls=4)
    assert bed.primary.portal.seen.lines == ["GET /api/v1/session"] * 4
    bed.fail_over()
    with pytest.raises(MovedError) as moved:
        user.stays_at(bed.primary, polls=50)
    assert [screen.server for screen in moved.value.screens] == ["primary", "secondary"]
    with pytest.raises(MisuseError):
        user.stays_at(bed.secondary, polls=0)


def test_a_factory_refuses_what_it_does_not_know(bed: Pair, web_client: WebClient) -> None:
    """An unknown user and a change before any log-in are the caller's mistakes."""
    with pytest.raises(MisuseError, match="nobody"):
        web_client.log_in("nobody", at=bed.primary)
    with pytest.raises(MisuseError, match="log in first"):
        web_client.new("alice").read("contacts")


def test_the_history_tells_the_whole_way_and_no_secret(bed: Pair, web_client: WebClient, history: History) -> None:
    """Navigation, verdict, prompt, requests, answers and screens are there; passwords and cookies are not."""
    user = web_client.log_in("alice", at=bed.primary)
    kinds = [record.kind for record in read(history.path)[1:]]
    assert kinds == [
        *("navigation", "examined", "prompt", "exception"),
        *("request", "answer") * 2,
        "screen",
        *("request", "answer"),
        "screen",
    ]
    text = history.path.read_text()
    assert user.session_cookie is not None
    assert user.session_cookie not in text
    assert USERS["alice"] not in text


@pytest.mark.parametrize(("scale", "times"), [(1, (20, 60, 60)), (0.1, (2, 6, 6)), (0.0001, (0.02, 0.3, 2))])
def test_times_follow_the_scale_down_to_a_floor(
    bed: Pair, history: History, scale: float, times: tuple[float, float, float]
) -> None:
    """20 s and 60 s in real time; never so short that a slow machine looks like a fault."""
    world = world_of((bed.primary,), time_scale=scale, history=history)
    assert (world.poll_s, world.timeout_s, world.answer_s) == pytest.approx(times)
