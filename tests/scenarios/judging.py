"""A run that is recorded so that it can be judged: history, nemesis and users of a bed. Acts, and judges nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.clients.kinds import WebClient, world_of
from testbed.history import History
from testbed.nemesis import Nemesis
from testbed.recording.observer import facts_of, observed, tell_bed
from tests.scenarios.observing import eventually_in_step, let_pass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from testbed.bed import Bed
    from testbed.clients.client import Client
    from testbed.clients.kinds import WebUser

POLL_S = 0.5
"""How often users poll while nothing is to happen, in seconds: often enough, and the history stays small."""

KEEP = "TESTBED_KEEP_HISTORIES"
"""The variable that names a folder for the histories of these runs."""


@dataclass
class Run:
    """One run.

    Attributes:
        bed: which bed.
        nemesis: its faults, recorded.
        web: its users, recorded.
    """

    bed: Bed
    nemesis: Nemesis
    web: WebClient

    def settle(self, *users: Client) -> None:
        """Let pass what it takes until everything must be as it stays, and a second more; users go on polling."""
        over_s = facts_of(self.bed).within_ms / 1000 + 1
        let_pass(over_s, meanwhile=lambda: [user.poll() for user in users], every_s=POLL_S)


@contextlib.contextmanager
def recorded(bed: Bed, path: Path) -> Iterator[Run]:
    """Record a run into a file; it is kept for `tests/unit/histories` where the variable `KEEP` names a folder."""
    with History(path) as history:
        tell_bed(bed, history)
        world = world_of(bed.servers, time_scale=bed.topology.time_scale, history=history)
        users = {user.name: user.password for user in bed.topology.users}
        with observed(bed, history):
            run = Run(bed, Nemesis(bed, history), WebClient(world, users=users))
            try:
                yield run
            finally:
                run.nemesis.heal_all()
            eventually_in_step(bed)
    if folder := os.environ.get(KEEP):
        shutil.copy(path, Path(folder) / path.name)


def schedule(user: WebUser, title: str, *, in_s: float) -> None:
    """Schedule a meeting."""
    starts_at = (datetime.now(UTC) + timedelta(seconds=in_s)).isoformat().replace("+00:00", "Z")
    assert user.change("meetings", {"title": title, "starts_at": starts_at}).ok


def write(users: Sequence[WebUser], key: str, *, times: int) -> None:
    """Each adds so many settings, changes the last one, and deletes a contact that it made."""
    for user in users:
        for number in range(times):
            stored = user.change("settings", {"key": f"{key}-{number}", "value": str(number)})
            assert stored.item is not None, stored
            if not number:
                user.change("settings", {"key": f"{key}-{number}", "value": "changed"}, item=str(stored.item["id"]))
        contact = user.change("contacts", {"name": f"{key} contact", "number": "1"})
        if contact.item is not None:
            user.delete("contacts", str(contact.item["id"]))
