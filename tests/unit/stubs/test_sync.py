"""Synchronisation over loopback: who is gone is noticed, and a secondary that does not fit is refused."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from stubs.lines import Hello, LineConnection, listen
from stubs.portal.conversation import Ask, Batch, Following, Offer, OverError
from stubs.portal.database import NotStoredError
from stubs.portal.store import Store
from stubs.portal.sync import Feeder, Follower
from stubs.wire import Site
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from stubs.portal.changes import Entry

HERE = "127.0.0.1"
SECRET = "secret"
HEARTBEAT_S = 0.02
SILENCE_S = 0.3
PATIENCE_S = 20 * SILENCE_S
"""The caller outwaits the primary, so that it sees who ends the connection."""
SOON_S = 10.0


@dataclass
class Both:
    """A primary's feeder and a secondary's follower, each with its store, and what the rules allow."""

    primary: Store
    secondary: Store
    feeder: Feeder
    follower: Follower
    port: int
    feeding: threading.Event
    following: threading.Event

    def call(self) -> LineConnection:
        """Be a secondary: what the feeder is asked first."""
        hello = Hello("portal", SECRET, "secondary")
        connection = LineConnection.call(HERE, self.port, hello=hello, silence_s=PATIENCE_S)
        assert connection.receive(Offer).store == self.primary.identity()
        connection.send(Ask(0, ""))
        return connection


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    """Both sides, connected as soon as the follower may follow."""
    others = set(threading.enumerate())
    primary, secondary = (
        Store(tmp_path / f"{site}.sqlite", site=site, now=lambda: "2030-01-01T00:00:00+00:00") for site in Site
    )
    with socket.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]
    feeding, following = threading.Event(), threading.Event()
    feeding.set()
    feeder = Feeder(primary, secret=SECRET, may_feed=feeding.is_set, heartbeat_s=HEARTBEAT_S)
    follower = Follower(
        secondary,
        address=HERE,
        port=port,
        secret=SECRET,
        may_follow=following.is_set,
        heartbeat_s=HEARTBEAT_S,
        silence_s=SILENCE_S,
    )
    follower.gate.open()
    feeder.start(port, silence_s=SILENCE_S)
    follower.start()
    yield Both(primary, secondary, feeder, follower, port, feeding, following)
    feeding.clear()
    following.clear()
    follower.gate.shut()

    def talking() -> list[str]:
        return [each.name for each in threading.enumerate() if each not in others and "talk" in each.name]

    wait_until(talking, lambda names: not names, within_s=SOON_S, what="the conversations to end")
    for store in (primary, secondary):
        store.database.close()


def add(store: Store, name: str) -> None:
    """Add a contact."""
    assert store.put("contacts", "alice", None, {"name": name, "number": "1"})


def eventually(look: Callable[[], object], *, what: str) -> None:
    """Wait until something is so."""
    wait_until(look, bool, within_s=SOON_S, what=what)


def in_step(both: Both) -> bool:
    """Whether both hold the same changes and the same data."""
    same = both.primary.digest() == both.secondary.digest()
    return same and both.primary.head() == both.secondary.head()


def test_changes_follow_while_both_sides_say_that_they_go_on(both: Both) -> None:
    """SYNC-1: those that were there before and those that come, and neither side has anything to complain of."""
    add(both.primary, "before")
    both.following.set()
    eventually(lambda: in_step(both), what="what was there before")
    add(both.primary, "later")
    eventually(lambda: in_step(both), what="what came later")
    assert both.secondary.head() == 2
    fed, followed = both.feeder.fed_at_ms(), both.follower.followed_at_ms()
    eventually(lambda: both.feeder.fed_at_ms() != fed, what="the primary to be asked again")
    eventually(lambda: both.follower.followed_at_ms() != followed, what="the secondary to be answered again")
    assert both.feeder.trouble == both.follower.trouble == ""


def test_the_secondary_keeps_its_own_changes_until_a_serving_primary_answers(both: Both) -> None:
    """SYNC-4, SYNC-6: word that the primary serves may be old; to act on it would lose what users were told is done."""
    add(both.secondary, "made in failover")
    both.feeding.clear()
    both.following.set()
    eventually(lambda: both.follower.trouble, what="the secondary to call in vain")
    assert both.secondary.discarded() == ()
    assert len(both.secondary.log(Site.SECONDARY, after=0, limit=9)) == 1
    both.feeding.set()
    eventually(lambda: in_step(both), what="both to be in step")
    assert [one.what for one in both.secondary.discarded()] == ["added"]
    assert both.secondary.log(Site.SECONDARY, after=0, limit=9) == ()


def test_the_secondary_keeps_its_own_changes_if_it_may_not_follow_any_more(both: Both) -> None:
    """SYNC-4: the answer may have waited for a secondary that stood still."""
    add(both.secondary, "made in failover")
    talk = Following(store=both.secondary, gate=both.follower.gate, may_follow=both.following.is_set)
    with pytest.raises(OverError):
        talk.accept(Offer(both.primary.identity()))
    assert both.secondary.discarded() == ()
    both.following.set()
    assert talk.accept(Offer(both.primary.identity())) == 1


def test_a_primary_does_not_take_a_silent_secondary_for_one_that_follows(both: Both) -> None:
    """ROLE-13, ROLE-14: what it sends may go nowhere; only what the secondary says counts, and silence ends it."""
    connection = both.call()
    assert connection.receive(Batch).entries == ()
    fed = both.feeder.fed_at_ms()
    assert fed is not None
    with pytest.raises(ConnectionError):
        connection.receive(Batch)
    connection.close()
    assert both.feeder.fed_at_ms() == fed


def test_a_secondary_whose_disk_takes_nothing_does_not_count_as_fed(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SYNC-8: it calls again and again, and neither side takes that for synchronisation; room is all that it takes."""
    refused: list[int] = []

    def full(_source: str, entries: tuple[Entry, ...]) -> None:
        refused.append(len(entries))
        raise NotStoredError("database or disk is full")

    add(both.primary, "first")
    monkeypatch.setattr(both.secondary, "apply", full)
    both.following.set()
    eventually(lambda: len(refused) >= 3, what="the secondary to be refused by its disk, and to call again")
    assert (both.feeder.fed_at_ms(), both.follower.followed_at_ms()) == (None, None)
    assert both.follower.trouble == "NotStoredError: database or disk is full"
    monkeypatch.undo()
    eventually(lambda: in_step(both) and both.feeder.fed_at_ms() is not None, what="the change to be taken")


@pytest.mark.parametrize("lost", [1, 0])
def test_a_secondary_that_holds_what_the_primary_lost_is_refused(both: Both, lost: int) -> None:
    """SYNC-2, SYNC-6: it neither counts as in step nor loses what it holds, whether its log is longer or only other."""
    for name in ("first", "second"):
        add(both.primary, name)
    both.secondary.mirror(both.primary.identity())
    both.secondary.apply(both.primary.identity(), both.primary.after(0, limit=2))
    _forget_last(both.primary)
    if not lost:
        add(both.primary, "another second")
    held = both.secondary.digest()
    both.following.set()
    said = f"the secondary's change 2 is not in the primary's log, which ends at {2 - lost}"
    eventually(lambda: both.follower.trouble == both.feeder.trouble == said, what="both to say so")
    assert both.feeder.fed_at_ms() is both.follower.followed_at_ms() is None
    assert both.secondary.digest() == held


def test_a_stranger_is_not_fed(both: Both) -> None:
    """A caller without the secret learns nothing, not even which data set there is."""
    hello = Hello("portal", "guess", "secondary")
    connection = LineConnection.call(HERE, both.port, hello=hello, silence_s=SILENCE_S)
    with pytest.raises(ConnectionError):
        connection.receive(Offer)
    connection.close()


def test_feeding_ends_when_the_rules_forbid_it(both: Both) -> None:
    """SYNC-3: the primary hangs up, whatever the secondary asks for."""
    connection = both.call()
    assert connection.receive(Batch).entries == ()
    add(both.primary, "while in failover")
    both.feeding.clear()
    connection.send(Ask(0, ""))
    with pytest.raises(ConnectionError):
        connection.receive(Batch)
    connection.close()


def test_a_change_made_after_the_rules_forbade_feeding_is_not_sent(both: Both) -> None:
    """SYNC-3: the primary may have been waiting for a change when that happened."""
    with socket.create_server((HERE, 0)) as free:
        both.port = free.getsockname()[1]
    patient = Feeder(both.primary, secret=SECRET, may_feed=both.feeding.is_set, heartbeat_s=SOON_S)
    patient.start(both.port, silence_s=SILENCE_S)
    connection = both.call()
    eventually(patient.fed_at_ms, what="the primary to be asked")
    both.feeding.clear()
    add(both.primary, "made in stand-alone")
    with pytest.raises(ConnectionError):
        connection.receive(Batch)
    connection.close()


def test_a_change_that_comes_after_the_rules_forbade_following_is_not_taken(both: Both, tmp_path: Path) -> None:
    """SYNC-3: the secondary may have been waiting for it when that happened."""
    add(both.primary, "on its way")
    secondary = Store(tmp_path / "late.sqlite", site=Site.SECONDARY, now=lambda: "2030-01-01T00:00:00+00:00")
    following, told = threading.Event(), threading.Event()
    following.set()

    def tell(connection: LineConnection, _address: str) -> None:
        connection.receive(Hello)
        connection.send(Offer(both.primary.identity()))
        connection.receive(Ask)
        following.clear()
        connection.send(Batch(both.primary.after(0, limit=1)))
        with pytest.raises(ConnectionError):
            connection.receive(Ask)
        told.set()

    with socket.create_server((HERE, 0)) as free:
        port = free.getsockname()[1]
    listen(port, tell, silence_s=PATIENCE_S)
    follower = Follower(
        secondary,
        address=HERE,
        port=port,
        secret=SECRET,
        may_follow=following.is_set,
        heartbeat_s=HEARTBEAT_S,
        silence_s=SILENCE_S,
    )
    follower.gate.open()
    follower.start()
    assert told.wait(SOON_S)
    assert secondary.head() == 0
    secondary.database.close()


def _forget_last(store: Store) -> None:
    """What an older disk does."""
    with store.database.transaction() as db:
        db.execute("DELETE FROM log WHERE seq = (SELECT MAX(seq) FROM log)")
