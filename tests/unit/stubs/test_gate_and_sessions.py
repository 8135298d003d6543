"""A gate that is shut with certainty, and sessions that end with it."""

from __future__ import annotations

import threading

import pytest

from stubs.portal.gate import Gate, ShutError
from stubs.portal.sessions import Session, Sessions

SOON_S = 0.05
LATE_S = 30.0


def session(user: str) -> Session:
    """A log-in."""
    return Session(user=user, client="192.0.2.9", since="2030-01-01T00:00:00+00:00")


def test_a_gate_is_shut_at_first_and_opens() -> None:
    """A portal serves nobody before it was told to."""
    gate = Gate()
    with pytest.raises(ShutError), gate.passing():
        pass
    gate.open()
    with gate.passing(), gate.passing():
        pass


def test_shutting_waits_until_all_have_left() -> None:
    """SYNC-6, ROLE-11: a write that began is finished before the role changes."""
    gate = Gate()
    gate.open()
    shut = threading.Event()

    def shut_it() -> None:
        gate.shut()
        shut.set()

    with gate.passing():
        shutter = threading.Thread(target=shut_it)
        shutter.start()
        assert not shut.wait(SOON_S)
        with pytest.raises(ShutError), gate.passing():
            pass
        assert not shut.is_set()
    assert shut.wait(LATE_S)
    shutter.join(LATE_S)


def test_who_leaves_with_an_error_has_left_too() -> None:
    """Else one failed write would hold up every change of role."""
    gate = Gate()
    gate.open()
    with pytest.raises(KeyError), gate.passing():
        raise KeyError
    gate.shut()


def test_a_token_is_the_only_way_to_a_session() -> None:
    """REDIR-6: each log-in has its own, and it cannot be guessed from another."""
    sessions = Sessions()
    one, other = sessions.begin(session("alice")), sessions.begin(session("alice"))
    assert one != other
    assert min(len(one), len(other)) >= 32
    assert sessions.find(one) == session("alice")
    for stranger in (None, "", "alice", one + "x", one[:-1]):
        assert sessions.find(stranger) is None


def test_a_session_ends_alone_or_with_all() -> None:
    """REDIR-6: ending one leaves the others; clearing leaves none, and says how many there were."""
    sessions = Sessions()
    one, other = sessions.begin(session("alice")), sessions.begin(session("bob"))
    sessions.end(one)
    sessions.end(one)
    sessions.end(None)
    assert sessions.find(one) is None
    assert sessions.all() == (session("bob"),)
    assert sessions.clear() == 1
    assert sessions.find(other) is None
    assert sessions.clear() == 0
