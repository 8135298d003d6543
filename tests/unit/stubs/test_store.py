"""The portal's data on disk: the log, what follows it, and what failback takes back."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stubs.portal.changes import ConflictError, Entry, GapError
from stubs.portal.database import NotStoredError
from stubs.portal.store import Store
from stubs.wire import ServerName, Site, User

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Makes stores; the same name opens the same file again."""
    stores: list[Store] = []

    def open_store(name: str, site: Site = Site.PRIMARY) -> Store:
        store = Store(tmp_path / f"{name}.sqlite", site=site, now=lambda: "2030-01-01T00:00:00+00:00")
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        store.database.close()


@pytest.fixture
def primary(make: Callable[..., Store]) -> Store:
    """The primary's data."""
    return make("primary")


@pytest.fixture
def secondary(make: Callable[..., Store]) -> Store:
    """The secondary's data."""
    return make("secondary", Site.SECONDARY)


def contact(name: str) -> dict[str, str]:
    """A contact's body."""
    return {"name": name, "number": "1"}


def add(store: Store, name: str, owner: str = "alice") -> str:
    """Add a contact; its id."""
    item = store.put("contacts", owner, None, contact(name))
    assert item is not None
    return item


def follow(secondary: Store, primary: Store) -> None:
    """One round of synchronisation."""
    after = secondary.mirror(primary.identity())
    secondary.apply(primary.identity(), primary.after(after, limit=1000))


def names(store: Store, owner: str = "alice") -> set[str]:
    """The names of an owner's contacts."""
    return {item["name"] for item in store.items("contacts", owner)}


def test_every_change_is_in_the_log_in_its_order(primary: Store) -> None:
    """SYNC-1: one entry each, numbered without a hole; what changed nothing is not in it."""
    first, second = add(primary, "A"), add(primary, "B")
    primary.put("contacts", "alice", first, contact("C"))
    assert primary.put("contacts", "alice", "nosuch", contact("D")) is None
    assert not primary.delete("contacts", "alice", "nosuch")
    assert not primary.delete("contacts", "bob", second)
    assert primary.delete("contacts", "alice", second)
    log = primary.after(0, limit=1000)
    assert [(entry.seq, entry.id, entry.after is None) for entry in log] == [
        (1, first, False),
        (2, second, False),
        (3, first, False),
        (4, second, True),
    ]
    assert primary.head() == 4
    assert [entry.seq for entry in primary.after(1, limit=2)] == [2, 3]


def test_a_follower_holds_the_same_data(primary: Store, secondary: Store) -> None:
    """SYNC-7: equal digests after each round, and others in between."""
    for round_ in range(3):
        item = add(primary, f"A{round_}")
        add(primary, "B", owner="bob")
        primary.put("contacts", "alice", item, contact("changed"))
        if round_ == 1:
            primary.delete("contacts", "alice", item)
        assert primary.digest() != secondary.digest()
        follow(secondary, primary)
        assert primary.digest() == secondary.digest()
        assert primary.head() == secondary.head()


def test_a_batch_that_is_followed_in_pieces_is_the_same(primary: Store, secondary: Store) -> None:
    """SYNC-1: none skipped, none twice."""
    for number in range(10):
        add(primary, str(number))
    secondary.mirror(primary.identity())
    while entries := primary.after(secondary.head(), limit=3):
        secondary.apply(primary.identity(), entries)
    assert secondary.digest() == primary.digest()


@pytest.mark.parametrize("places", [(1, 3), (2, 3), (1, 2, 2), (2, 1), (1, 1)])
def test_a_batch_with_a_hole_is_refused_whole(primary: Store, secondary: Store, places: tuple[int, ...]) -> None:
    """SYNC-1: nothing of it is applied."""
    entries = [Entry(seq=seq, at="", collection="contacts", owner="alice", id=f"i{seq}", after="{}") for seq in places]
    secondary.mirror(primary.identity())
    before = secondary.digest()
    with pytest.raises(GapError):
        secondary.apply(primary.identity(), tuple(entries))
    assert (secondary.digest(), secondary.head()) == (before, 0)


def test_a_batch_of_another_data_set_is_refused(primary: Store, secondary: Store) -> None:
    """The primary was wiped between the offer and the batch."""
    add(primary, "A")
    secondary.mirror(primary.identity())
    with pytest.raises(GapError):
        secondary.apply("another", primary.after(0, limit=10))
    assert secondary.head() == 0


def test_another_data_set_is_followed_from_nothing(primary: Store, secondary: Store) -> None:
    """A wiped primary counts from one again; its follower must not keep what is gone there."""
    add(primary, "A")
    follow(secondary, primary)
    primary.wipe()
    add(primary, "B")
    assert secondary.mirror(primary.identity()) == 0
    follow(secondary, primary)
    assert names(secondary) == {"B"}
    assert secondary.digest() == primary.digest()


def test_the_same_data_set_is_followed_from_where_it_was(primary: Store, secondary: Store) -> None:
    """SYNC-1: also by a follower that was restarted."""
    add(primary, "A")
    follow(secondary, primary)
    assert secondary.mirror(primary.identity()) == 1


def test_discard_takes_back_exactly_the_own_changes(primary: Store, secondary: Store) -> None:
    """SYNC-4: additions, changes, deletions and mixes of them, the last one first."""
    kept, changed, removed, both = (add(primary, name) for name in ("kept", "changed", "removed", "both"))
    follow(secondary, primary)
    before = secondary.digest()
    new = add(secondary, "new")
    secondary.put("contacts", "alice", new, contact("newer"))
    short = add(secondary, "short-lived")
    secondary.delete("contacts", "alice", short)
    secondary.put("contacts", "alice", changed, contact("once"))
    secondary.put("contacts", "alice", changed, contact("twice"))
    secondary.delete("contacts", "alice", removed)
    secondary.put("contacts", "alice", both, contact("first"))
    secondary.delete("contacts", "alice", both)
    assert names(secondary) == {"kept", "newer", "twice"}
    assert secondary.discard() == 9
    assert secondary.digest() == before == primary.digest()
    assert [(lost.seq, lost.id, lost.what) for lost in secondary.discarded()] == [
        (1, new, "added"),
        (2, new, "changed"),
        (3, short, "added"),
        (4, short, "deleted"),
        (5, changed, "changed"),
        (6, changed, "changed"),
        (7, removed, "deleted"),
        (8, both, "changed"),
        (9, both, "deleted"),
    ]
    assert kept in {item["id"] for item in secondary.items("contacts", "alice")}


def test_discard_happens_once_and_stays_listed(primary: Store, secondary: Store) -> None:
    """SYNC-4: until the next failback that loses something; and what P did in the meantime follows."""
    follow(secondary, primary)
    add(secondary, "mine")
    add(primary, "theirs")
    assert secondary.discard() == 1
    assert secondary.discard() == 0
    assert len(secondary.discarded()) == 1
    follow(secondary, primary)
    assert names(secondary) == {"theirs"}
    add(secondary, "again")
    assert secondary.discard() == 1
    assert [lost.seq for lost in secondary.discarded()] == [1]


def test_a_failback_that_loses_nothing_says_so(primary: Store, secondary: Store) -> None:
    """SYNC-4: what an earlier one lost is not listed for it; a link that came and went in between is no failback."""
    follow(secondary, primary)
    secondary.own_begins()
    add(secondary, "mine")
    assert secondary.discard() == 1
    assert secondary.discard() == 0
    assert len(secondary.discarded()) == 1
    secondary.own_begins()
    assert secondary.discard() == 0
    assert secondary.discarded() == ()


def test_what_was_acknowledged_survives_the_process(make: Callable[..., Store]) -> None:
    """SYNC-6: another connection to the same file sees it, though the first was never closed."""
    store = make("one")
    item = add(store, "A")
    store.remember("key", "value")
    again = make("one")
    assert again.items("contacts", "alice") == [{"id": item, **contact("A")}]
    assert (again.identity(), again.head(), again.digest()) == (store.identity(), 1, store.digest())
    assert (again.remembered("key"), again.remembered("other")) == ("value", None)


def test_the_disk_is_asked_to_keep_what_it_is_given(primary: Store) -> None:
    """SYNC-6: a power cut too; 2 is FULL."""
    assert primary.database.rows("PRAGMA synchronous") == [(2,)]
    assert primary.database.rows("PRAGMA journal_mode") == [("wal",)]


def test_a_unique_field_refuses_a_twin_of_the_same_owner(primary: Store) -> None:
    """And names field and value; another owner may have it, and the item itself may keep it."""

    def put(owner: str, item: str | None, value: str) -> str | None:
        return primary.put("settings", owner, item, {"key": "ringtone", "value": value}, unique="key")

    item = put("alice", None, "bell")
    with pytest.raises(ConflictError, match="key 'ringtone'"):
        put("alice", None, "horn")
    assert put("bob", None, "horn") is not None
    assert put("alice", item, "gong") == item
    assert [entry["value"] for entry in primary.items("settings", "alice")] == ["gong"]
    assert primary.head() == 3


def test_concurrent_writers_leave_a_log_without_a_hole(primary: Store, secondary: Store) -> None:
    """SYNC-1, SYNC-6: each of 8 threads is told of 20 changes, and all are there."""

    def write(owner: str) -> None:
        for number in range(20):
            add(primary, str(number), owner=owner)

    threads = [threading.Thread(target=write, args=(f"user{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [entry.seq for entry in primary.after(0, limit=1000)] == list(range(1, 161))
    follow(secondary, primary)
    assert secondary.digest() == primary.digest()


def test_a_writer_wakes_who_waits_for_a_change(primary: Store) -> None:
    """SYNC-1: at once; a change from before the waiting began counts too."""
    revision = primary.revision
    writer = threading.Thread(target=add, args=(primary, "A"))
    writer.start()
    primary.wait_for_change(revision, within_s=60)
    assert primary.revision != revision
    writer.join(60)
    primary.wait_for_change(revision, within_s=60)


def test_a_wiped_store_is_another_empty_one(primary: Store) -> None:
    """Nothing but the users stays, and the identity is new, so that followers notice."""
    identity = primary.identity()
    add(primary, "A")
    primary.remember("settings", "x")
    primary.accounts.learn(ServerName.PRIMARY, {"alice": "secret"})
    primary.wipe()
    assert (primary.items("contacts", "alice"), primary.head(), primary.discarded()) == ([], 0, ())
    second = primary.identity()
    primary.wipe()
    assert len({identity, second, primary.identity()}) == 3
    assert primary.remembered("settings") is None
    assert primary.accounts.check_password("alice", "secret")


@pytest.mark.parametrize("trouble", ["PRAGMA query_only = ON", "PRAGMA max_page_count = 1"])
def test_what_the_disk_does_not_take_is_told_and_not_there(primary: Store, trouble: str) -> None:
    """SYNC-8: an error for the caller, no entry in the log, and the store works on once the disk does."""
    add(primary, "A")
    before, revision = primary.digest(), primary.revision
    primary.database.connection().execute(trouble)
    with pytest.raises(NotStoredError):
        primary.put("contacts", "alice", None, {"name": "x" * 100_000})
    assert (primary.digest(), primary.head(), primary.revision) == (before, 1, revision)
    primary.database.connection().execute("PRAGMA query_only = OFF")
    primary.database.connection().execute("PRAGMA max_page_count = 1000000")
    add(primary, "B")
    assert primary.head() == 2


def test_a_block_that_fails_is_undone_whole(primary: Store) -> None:
    """Also by an error that has nothing to do with the database."""
    identity = primary.identity()

    def fail() -> None:
        with primary.database.transaction() as db:
            db.execute("DELETE FROM meta")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert primary.identity() == identity


def test_users_are_learnt_replaced_and_kept(make: Callable[..., Store]) -> None:
    """They can log in while their core is away, also after a restart; a core's word is only about its own."""
    store = make("one")
    store.accounts.learn(ServerName.PRIMARY, {"alice": "a", "carol": "c"})
    store.accounts.learn(ServerName.SECONDARY, {"bob": "b"})
    store.accounts.learn(ServerName.PRIMARY, {"alice": "new"})
    again = make("one").accounts
    assert again.homes() == {"alice": ServerName.PRIMARY, "bob": ServerName.SECONDARY}
    right = [("alice", "new"), ("bob", "b")]
    wrong = [("alice", "a"), ("carol", "c"), ("bob", ""), ("", ""), ("ALICE", "new")]
    assert [again.check_password(*each) for each in right + wrong] == [True] * 2 + [False] * 5


def test_a_name_on_two_cores_is_the_first_cores_user_until_it_is_gone_there(primary: Store) -> None:
    """Whichever core spoke last."""
    for home, password in ((ServerName.EXPANSION, "e"), (ServerName.PRIMARY, "p"), (ServerName.SECONDARY, "s")):
        primary.accounts.learn(home, {"alice": password})
    for home, password in ((ServerName.PRIMARY, "p"), (ServerName.SECONDARY, "s"), (ServerName.EXPANSION, "e")):
        assert primary.accounts.homes() == {"alice": home}
        assert [each for each in "pse" if primary.accounts.check_password("alice", each)] == [password]
        primary.accounts.learn(home, {})
    assert primary.accounts.homes() == {}


def test_users_whose_storing_failed_are_learnt_at_the_next_word(primary: Store) -> None:
    """A core tells its users once; a disk that was full for a moment must not lock them out for good."""
    users = (User(name="alice", password="a", home=ServerName.PRIMARY),)
    primary.database.connection().execute("PRAGMA query_only = ON")
    primary.accounts.hear(ServerName.PRIMARY, users)
    assert primary.accounts.homes() == {}
    primary.database.connection().execute("PRAGMA query_only = OFF")
    primary.accounts.hear(ServerName.PRIMARY, None)
    assert primary.accounts.check_password("alice", "a")


def test_passwords_are_not_on_disk(primary: Store, tmp_path: Path) -> None:
    """Only salted hashes; equal passwords look different."""
    primary.accounts.learn(ServerName.PRIMARY, {"alice": "very-secret", "carol": "very-secret"})
    assert all(b"very-secret" not in path.read_bytes() for path in tmp_path.iterdir())
    assert len(set(primary.database.rows("SELECT hash FROM users"))) == 2


def test_an_entry_is_as_it_was_stored(primary: Store, secondary: Store) -> None:
    """Texts of any script, quotes and line breaks go through log and copy unchanged."""
    body = {"name": "Zoë 'O\"Hara' \u2028 \U0001f600", "number": "1"}
    item = primary.put("contacts", "alice", None, body)
    follow(secondary, primary)
    assert secondary.items("contacts", "alice") == [{"id": item, **body}]
    entry = primary.after(0, limit=1)[0]
    assert replace(entry, after=None).id == item
