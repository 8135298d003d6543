"""What was acknowledged is there, and what was refused is not, whoever dies in the middle of writing."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import pytest

from testbed import environment
from testbed.engine.names import Names
from testbed.faults import Fault, Kill, Pause, Stop, lose
from testbed.waiting import wait_until
from tests.scenarios.accounting import assert_kept, eventually_acknowledged, log_of
from tests.scenarios.observing import WITHIN_S, eventually_serves, items, portal
from tests.scenarios.writing import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testbed.bed import Bed
    from testbed.clients.kinds import WebClient
    from testbed.nemesis import Nemesis
    from testbed.placement import BedServer
    from tests.scenarios.writing import Write

Victim = Literal["portal", "core", "server", "secondary's portal"]

KILLS = 20
ACKNOWLEDGED = 1000
IN_FAILOVER = 20
"""How many writes the secondary acknowledges before the primary is let back."""

FAULTS: dict[Victim, Callable[[Bed], Fault]] = {
    "portal": lambda bed: Kill(bed.primary.portal),
    "core": lambda bed: Kill(bed.primary.core),
    "server": lambda bed: lose(bed.primary),
    "secondary's portal": lambda bed: Stop(bed.primary.portal),
}
"""What begins each round; the secondary's portal can be killed while it serves, so the primary's is stopped first."""


LIMIT = """
import resource
_, most = resource.prlimit(1, resource.RLIMIT_FSIZE)
resource.prlimit(1, resource.RLIMIT_FSIZE, (most if {lifted} else 0, most))
"""
"""Sets how large files may become that the container's main process writes; its own user may, without any privilege."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One kill.

    Attributes:
        victim: what is killed.
        after: how many writes the primary acknowledges before.
        takeover: whether the primary stays away until the secondary has acknowledged writes; else it is back at once.
    """

    victim: Victim
    after: int
    takeover: bool


def drawn(seed: int) -> list[Round]:
    """Every victim in turn, with and without a takeover; order and moments by chance."""
    chance = random.Random(seed)  # noqa: S311 - a schedule, not a secret
    rounds = []
    for number in range(KILLS):
        victim = get_args(Victim)[number % 3 if number < KILLS - 2 else 3]
        takeover = number >= KILLS - 2 or number % 2 == 0
        rounds.append(Round(victim=victim, after=chance.randint(40, 70), takeover=takeover))
    chance.shuffle(rounds)
    return rounds


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Whatever fails inside says what was being done."""
    try:
        yield
    except BaseException as error:
        error.add_note(what)
        raise


@contextlib.contextmanager
def refusing_disk(bed: Bed, server: BedServer) -> Iterator[None]:
    """While the block runs, the disk takes nothing of what this server's portal writes; reading works."""
    name = Names(name=bed.name).container(server.portal.server, "portal")
    with contextlib.closing(environment.engine()) as engine:

        def limit(*, lifted: bool) -> None:
            code, output = engine.containers.get(name).exec_run(["python3", "-c", LIMIT.format(lifted=lifted)])
            assert code == 0, output

        try:
            limit(lifted=False)
            yield
        finally:
            limit(lifted=True)


def eventually_gave_back(bed: Bed) -> None:
    """Wait until the primary serves and the secondary has discarded its own changes."""
    eventually_serves(bed.primary, bed)
    wait_until(
        lambda: log_of(bed.secondary, bed, "secondary"),
        lambda own: own == [],
        within_s=WITHIN_S,
        what="the secondary to discard its own changes",
    )


def assert_discarded(bed: Bed, writes: list[Write]) -> None:
    """SYNC-4, SYNC-6, SYNC-8: the list names all that was acknowledged, nothing refused, and nothing else."""
    changes = bed.inspectors[bed.secondary.site].administer("GET", "resiliency")["discarded"]["changes"]
    listed = Counter((each["id"], each["what"]) for each in changes)
    certain = Counter((write.id, write.what) for write in writes if write.end == "ok")
    perhaps = Counter((write.id, write.what) for write in writes if write.end == "info")
    assert not certain - listed, "acknowledged, but neither kept nor named"
    # Of what was to be added and never answered nobody knows the id.
    unexplained = Counter({key if key in perhaps else (None, key[1]): n for key, n in (listed - certain).items()})
    assert not Counter(what for _, what in unexplained.elements()) - Counter(what for _, what in perhaps.elements())


def kill(bed: Bed, nemesis: Nemesis, each: Round) -> None:
    """One round on a bed that is being written to; normal again when this returns, or soon."""
    fault = FAULTS[each.victim](bed)
    if not each.takeover:
        with nemesis.under(fault):
            return
    with writing(bed, bed.secondary, each=1) as theirs:
        with nemesis.under(fault):
            eventually_acknowledged(theirs, IN_FAILOVER)
            if each.victim == "secondary's portal":
                with nemesis.under(Kill(bed.secondary.portal)):
                    pass
                eventually_acknowledged(theirs, theirs.acknowledged + IN_FAILOVER)
        eventually_gave_back(bed)
    assert_discarded(bed, theirs.writes)


@pytest.mark.rule("SYNC-6", "SYNC-7", "SYNC-8", "SYNC-4")
def test_nothing_acknowledged_is_lost_by_twenty_kills(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, request: pytest.FixtureRequest
) -> None:
    """Portals, cores and servers die under a thousand writes: each acknowledged one is kept, or named as discarded."""
    seed = int(request.config.getoption("testbed_seed"))
    with writing(bed, bed.primary, each=2) as ours:
        for number, each in enumerate(drawn(seed), 1):
            with told(f"--testbed-seed {seed}, kill {number} of {KILLS}: {each}"):
                eventually_acknowledged(ours, ours.acknowledged + each.after)
                kill(bed, nemesis, each)
        eventually_acknowledged(ours, ACKNOWLEDGED)
        eventually_serves(bed.primary, bed)
    with told(f"--testbed-seed {seed}, after {KILLS} kills and {ours.acknowledged} acknowledged writes"):
        assert_kept(bed, web_client, ours)


@pytest.mark.rule("SYNC-8")
@pytest.mark.parametrize("how", ["portal stopped", "portal frozen", "core stopped"])
def test_a_portal_that_ceases_to_serve_acknowledges_only_what_it_keeps(
    bed: Bed, web_client: WebClient, nemesis: Nemesis, how: str
) -> None:
    """In the middle of a stream of writes: what it refused or left unanswered is never taken for done."""
    faults: dict[str, Fault] = {
        "portal stopped": Stop(bed.primary.portal),
        "portal frozen": Pause(bed.primary.portal),
        "core stopped": Stop(bed.primary.core),
    }
    with writing(bed, bed.primary, each=2) as account:
        eventually_acknowledged(account, 50)
        with nemesis.under(faults[how]):
            eventually_serves(bed.secondary, bed)
        eventually_acknowledged(account, account.acknowledged + 50)
    assert any(write.end != "ok" for write in account.writes)
    assert_kept(bed, web_client, account)
    assert portal(bed.secondary, bed)["sync"]["discarded"] == 0


@pytest.mark.rule("SYNC-8")
def test_failover_now_in_the_middle_of_writing_leaves_nobody_in_doubt(bed: Bed, web_client: WebClient) -> None:
    """The process lives on, so every writer is told: stored, or not."""
    inspector = bed.inspectors[bed.primary.site]
    with writing(bed, bed.primary, each=2) as account:
        eventually_acknowledged(account, 50)
        inspector.administer("POST", "failover-now")
        eventually_serves(bed.secondary, bed)
        before = account.acknowledged
        bed.services.restart(bed.primary.portal.server, "portal")
        eventually_serves(bed.primary, bed)
        eventually_acknowledged(account, before + 50)
    assert {write.end for write in account.writes} == {"ok", "fail"}
    assert_kept(bed, web_client, account)


@pytest.mark.rule("SYNC-8")
def test_a_change_that_the_disk_does_not_take_is_refused_and_not_there(bed: Bed, web_client: WebClient) -> None:
    """The portal goes on to serve and to be read; what it could not store it says, and it stores again afterwards."""
    with writing(bed, bed.primary, each=2) as account:
        eventually_acknowledged(account, 50)
        with refusing_disk(bed, bed.primary):
            wait_until(
                lambda: sum(write.error == "not_stored" for write in account.writes),
                lambda refused: refused >= 20,
                within_s=WITHIN_S,
                what="20 writes that the disk does not take",
            )
            assert items(web_client.log_in("alice", at=bed.primary), "contacts")
        eventually_acknowledged(account, account.acknowledged + 50)
    assert_kept(bed, web_client, account)
