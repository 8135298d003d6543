"""How an account of acknowledged writes is settled with what the servers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from testbed.waiting import wait_until
from tests.scenarios.observing import WITHIN_S, eventually_in_step, items

if TYPE_CHECKING:
    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.placement import BedServer
    from tests.scenarios.writing import Account


def eventually_acknowledged(account: Account, count: int) -> None:
    """Wait until a server has acknowledged so many writes."""
    wait_until(
        lambda: account.acknowledged,
        lambda seen: seen >= count,
        within_s=WITHIN_S,
        what=f"{count} acknowledged writes",
    )


def log_of(server: BedServer, bed: Bed, made_on: str = "primary") -> list[dict[str, Any]]:
    """The whole log of the changes that were made on one server, as far as another has it."""
    entries: list[dict[str, Any]] = []
    while True:
        after = entries[-1]["seq"] if entries else 0
        path = f"log?after={after}&made_on={made_on}"
        page = bed.inspectors[server.site].administer("GET", path)["items"]
        if not page:
            return entries
        entries += page


def assert_kept(bed: Bed, web_client: WebClient, account: Account) -> None:
    """SYNC-6, SYNC-8: on the primary stands what was acknowledged there, and nothing that was refused or unheard of."""
    eventually_in_step(bed)
    there = {}
    for user in bed.topology.users:
        client = web_client.log_in(user.name, at=bed.primary)
        there.update({each["name"]: each["number"] for each in items(client, "contacts")})
    possible = account.possible()
    wrong = {name: there.get(name) for name, may in possible.items() if there.get(name) not in may}
    assert wrong == {}
    assert set(there) <= set(possible)
    assert log_of(bed.primary, bed) == log_of(bed.secondary, bed) != []
