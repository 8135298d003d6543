"""A real browser, which nobody instrumented, is judged as it is watched: `--observe --kind browser`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbed.clients.browser import BrowserUser
from testbed.clients.chromium import ChromiumPage
from testbed.clients.screen import Shows
from testbed.clients.steps import Habit
from testbed.conformance.plan import Plan
from testbed.conformance.results import exit_status
from testbed.conformance.run import run
from testbed.conformance.scenarios import Kind, chosen
from testbed.report.verdicts import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from testbed.bed import Bed
    from testbed.clients.browser import BrowserClient
    from testbed.clients.chromium import Browsers
    from testbed.clients.world import World
    from testbed.conformance.results import Result
    from testbed.history import History

pytestmark = pytest.mark.usefixtures("browsers")

PASS, FAIL = Verdict.PASS, Verdict.FAIL

WITHIN_S = 10.0
"""A browser steps back behind everything else on the machine."""


def judged(bed: Bed, history: History, folder: Path, scenario: str) -> Result:
    """What comes of watching whoever is logged in at the primary."""
    plan = Plan(scenarios=chosen((scenario,), Kind.BROWSER), kind=Kind.BROWSER, within_s=WITHIN_S)
    return run(bed, history, plan, folder=folder)


def verdicts(result: Result) -> dict[str, Verdict]:
    """By check, each of which there is once."""
    found = {row.check.value: row.verdict for row in result.rows}
    assert len(found) == len(result.rows)
    return found


@pytest.mark.rule("CLIENT-4", "CLIENT-1", "REDIR-1", "CERT-1", "CERT-4")
def test_a_browser_goes_where_it_is_sent_and_stops_at_a_wrong_certificate(
    bed: Bed, browser_client: BrowserClient, history: History, tmp_path: Path
) -> None:
    """It trusts both servers' authorities; its user logs in by hand, and once only before each scenario."""
    trust = [server.certificate for server in bed.pair]
    user = browser_client.log_in("alice", at=bed.primary, trust=trust, prompts="wait")
    result = judged(bed, history, tmp_path, "failover")
    assert verdicts(result) == {"redirect": PASS, "hammering": PASS}, result
    assert exit_status(result, strict=True) == 0
    user.open(bed.primary)
    user.eventually_shows(Shows.LOGIN)
    user.log_in_again()
    result = judged(bed, history, tmp_path, "certificate")
    assert verdicts(result) == {"certificate": PASS, "hammering": PASS}, result
    assert "alert" in result.rows[0].evidence
    assert user.eventually_at(bed.secondary).asks_for("certificate")


@pytest.mark.rule("CLIENT-4", "CERT-4")
def test_a_browser_that_takes_any_certificate_fails(  # noqa: PLR0913, PLR0917 - fixtures
    bed: Bed,
    browsers: Browsers,
    client_world: World,
    passwords: dict[str, str],
    history: History,
    tmp_path: Path,
) -> None:
    """It went where it was sent as well, and did nothing else wrong."""
    names = ",".join(f"MAP {server.hostname} {server.address}" for server in bed.servers)
    context = browsers.browser(names).new_context(ignore_https_errors=True)
    try:
        user = BrowserUser(
            ChromiumPage(context.new_page()),
            name="alice",
            password=passwords["alice"],
            habit=Habit.WAIT,
            label="careless",
            world=client_world,
        )
        user.open(bed.primary)
        user.eventually_shows(Shows.LOGIN)
        user.log_in_again()
        result = judged(bed, history, tmp_path, "certificate")
    finally:
        context.close()
    assert verdicts(result) == {"certificate": FAIL, "hammering": PASS}, result
