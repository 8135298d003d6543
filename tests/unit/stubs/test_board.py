"""What a core remembers of the portals."""

from __future__ import annotations

from dataclasses import replace

from stubs.core.board import Board
from stubs.wire import Farewell, Site
from tests.unit.stubs.portals import word

P, S = Site.PRIMARY, Site.SECONDARY
FRESH_MS = 300


def test_a_word_counts_until_it_is_old() -> None:
    """REDIR-8: whoever fell silent is not named any more."""
    board = Board(FRESH_MS)
    said = word(S, serving=True)
    board.hear(said, 1000)
    board.hear(word(P, willing=True), 1000)
    assert said in board.fresh(1000 + FRESH_MS - 1)
    assert board.serving(P, 1000 + FRESH_MS - 1) == said
    assert board.fresh(1000 + FRESH_MS) == ()
    assert board.serving(P, 1000 + FRESH_MS) is None


def test_an_older_word_never_replaces_a_newer_one() -> None:
    """Words come by two ways; the slow way must not turn time back, nor make an old word fresh."""
    board = Board(FRESH_MS)
    old, new = word(S, serving=True), word(S)
    board.hear(new, 1000)
    assert not board.hear(old, 1200)
    assert not board.hear(new, 1200)
    assert board.fresh(1200) == (new,)
    assert board.fresh(1000 + FRESH_MS) == ()


def test_a_restarted_portal_is_believed_from_its_first_word_on() -> None:
    """A later boot counts more than a larger serial."""
    board = Board(FRESH_MS)
    board.hear(replace(word(S, serving=True), boot=1, serial=99), 1000)
    back = replace(word(S), boot=2, serial=1)
    assert board.hear(back, 1001)
    assert board.fresh(1001) == (back,)


def test_only_a_change_of_stance_is_news() -> None:
    """What is news is passed on at once; a heartbeat is not."""
    board = Board(FRESH_MS)
    assert board.hear(word(S), 1000)
    assert not board.hear(word(S, head=7, hears_peer=False), 1001)
    served = {"serving": True}
    for change in (
        served,
        served | {"willing": True},
        {"farewell": Farewell.STOP},
        {"heard_claim": (1, 1)},
        {"claim": 2},
    ):
        assert board.hear(word(S, **change), 1002)


def test_a_word_after_silence_is_news() -> None:
    """Whoever was told that this portal is gone has to be told that it is back."""
    board = Board(FRESH_MS)
    board.hear(word(S, serving=True), 1000)
    assert board.hear(word(S, serving=True), 1000 + FRESH_MS)
    board.forget(S)
    assert board.hear(word(S, serving=True), 1001 + FRESH_MS)


def test_a_forgotten_word_is_not_brought_back_by_its_echo() -> None:
    """The other core still tells what it heard last."""
    board = Board(FRESH_MS)
    said = word(S, serving=True)
    board.hear(said, 1000)
    board.forget(S)
    assert board.fresh(1000) == ()
    assert not board.hear(said, 1001)
    assert board.serving(P, 1001) is None


def test_only_what_portals_said_here_is_passed_on() -> None:
    """Cores would tell each other their own words for ever, and a portal that left would never be gone."""
    board = Board(FRESH_MS)
    own, other = word(P, serving=True), word(S)
    board.hear(own, 1000)
    board.hear(other, 1000, here=False)
    assert board.told_here(1000) == (own,)
    assert set(board.fresh(1000)) == {own, other}
    assert board.told_here(1000 + FRESH_MS) == ()
    board.part(P)
    assert board.told_here(1000) == ()
    assert board.fresh(1000) == (other,)
    again = word(P, serving=True)
    assert board.hear(again, 1001, here=False)
    assert board.told_here(1001) == ()


def test_a_portal_that_is_still_logged_in_is_passed_on_after_a_factory_reset() -> None:
    """What it said is forgotten, not that it is there."""
    board = Board(FRESH_MS)
    board.hear(word(P), 1000)
    board.forget(*Site)
    assert board.told_here(1000) == ()
    again = word(P)
    board.hear(again, 1001)
    assert board.told_here(1001) == (again,)


def test_the_own_servers_portal_goes_first_while_both_serve() -> None:
    """REDIR-7: in stand-alone mode each user stays."""
    board = Board(FRESH_MS)
    for site in Site:
        board.hear(word(site, serving=True), 1000)
    for site in Site:
        serving = board.serving(site, 1000)
        assert serving is not None
        assert serving.site is site
