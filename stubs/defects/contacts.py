"""Defects of personal contacts (CONT)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stubs.defects.planting import defect
from stubs.portal import api
from stubs.portal.accounts import Accounts
from stubs.portal.cores import Cores
from stubs.wire import ServerName

if TYPE_CHECKING:
    from collections.abc import Callable

    from stubs.portal.runtime import Portal
    from stubs.wire import CoreWord


@defect(api, "_home_core", breaks=("CONT-1",))
def contacts_need_no_core(_right: Callable[..., None], _portal: Portal, _user: str) -> None:
    """Contacts are updated and deleted though the user's home core is down, and that never learns of it."""


@defect(Cores, "is_up", breaks=("CONT-2",))
def one_core_down_is_all_down(right: Callable[..., bool], cores: Cores, _server: str) -> bool:
    """While any core is down nobody can update contacts, users of the other cores included."""
    return all(right(cores, each) for each in (ServerName.PRIMARY.value, ServerName.SECONDARY.value))


@defect(Cores, "hear", breaks=("CONT-3",))
def core_back_unnoticed(right: Callable[..., None], cores: Cores, server: str, word: CoreWord) -> None:
    """A core that was down stays down for the portal, though it is back."""
    gone = cores.__dict__.setdefault("gone", set())
    if word.farewell:
        gone.add(server)
    if server not in gone or word.farewell:
        right(cores, server, word)


@defect(Accounts, "homes", breaks=("CONT-1", "CONT-2"))
def everybody_at_home_on_the_primary(right: Callable[..., dict[str, ServerName]], accounts: Accounts) -> object:
    """Every user counts as one of the primary's core, whatever core is really theirs."""
    return dict.fromkeys(right(accounts), ServerName.PRIMARY)
