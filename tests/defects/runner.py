"""Runs tests with defects planted, each in a process of its own. `python -m tests.defects.runner < PLAN > RESULTS`.

The plan and the results are JSON, by the name of a defect; the empty name stands for none. The processes are forked
from this one, so that all modules are loaded once; the wrong piece goes wherever the right one is known by name.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import re
import ssl
import sys
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

import pytest

from testbed.clients.client import LogInError
from testbed.clients.watched import MovedError
from testbed.defects import DEFECTS
from testbed.errors import NotInTimeError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess

    Job: TypeAlias = tuple[str, Sequence[str]]

AT_ONCE = 2

LONGEST_S = 100.0
"""A defect may make something endless, and nobody waits for that; in seconds."""

VERDICTS = (AssertionError, pytest.fail.Exception, NotInTimeError, LogInError, MovedError, ssl.SSLCertVerificationError)
"""What a test says of what it tests; all else it says of itself."""

OPTIONS = ("-vv", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
RULE = re.compile(r"\b([A-Z]+)-(\d+)(?: to \1-(\d+))?\b")


class Ended(NamedTuple):
    """How a test ended.

    Attributes:
        nodeid: which.
        outcome: passed, failed or skipped; "broken" if it failed otherwise than by what it asserts.
        rules: that it names: in its marks, in its promise, in what it says failed.
        says: why it failed.
    """

    nodeid: str
    outcome: str
    rules: tuple[str, ...]
    says: str


class Notes:
    """Takes down how tests end; a plugin of pytest."""

    def __init__(self) -> None:
        self.ended: list[Ended] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Each phase of each test."""
        report = yield
        if report.when != "call" and report.passed:
            return report
        says = "" if call.excinfo is None else call.excinfo.exconly()
        function = getattr(item, "function", None)
        words = [str(rule) for mark in item.iter_markers("rule") for rule in mark.args]
        promise = (getattr(function, "__doc__", None) or "").partition("\n")[0]
        rules = tuple(dict.fromkeys([*words, *rules_in(promise), *rules_in(says)]))
        asserted = report.when == "call" and call.excinfo is not None and _is_a_verdict(call.excinfo.value)
        outcome = "broken" if report.failed and not asserted else report.outcome
        self.ended.append(Ended(item.nodeid, outcome, rules, says))
        return report


def rules_in(text: str) -> list[str]:
    """The rules that a text names, alone or in a span such as "ROLE-2 to ROLE-5"."""
    spans = ((group, int(first), int(last or first)) for group, first, last in RULE.findall(text))
    return [f"{group}-{number}" for group, first, last in spans for number in range(first, last + 1)]


def _is_a_verdict(error: BaseException) -> bool:
    """Whether a test failed by what it asserts or waited for, and not by an error of its own."""
    return isinstance(error, VERDICTS)


def run(job: Job) -> list[Ended]:
    """Run tests in this process, with a defect planted in it."""
    name, tests = job
    if name:
        DEFECTS[name].plant()
    notes = Notes()
    _pytest([*tests], notes)
    return notes.ended


def _pytest(arguments: list[str], *plugins: object) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = pytest.main([*OPTIONS, *arguments], plugins=plugins)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest {' '.join(arguments)} ended with {code}:\n{said.getvalue()}")


def run_all(jobs: Sequence[Job]) -> dict[str, list[Ended]]:
    """Run each job in a process of its own, a few at once; what became of one that does not end is left out."""
    context = multiprocessing.get_context("fork")
    waiting, results = list(reversed(jobs)), dict[str, list[Ended]]()
    running: dict[Connection, tuple[str, ForkProcess, float]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            job = waiting.pop()
            receive, send = context.Pipe(duplex=False)
            process = context.Process(target=_report, args=(send, job))
            process.start()
            send.close()
            running[receive] = (job[0], process, time.monotonic())
        for ready in wait(running, timeout=1.0):
            name, process, _began = running.pop(cast("Connection", ready))
            with contextlib.suppress(EOFError):  # it died; its own words are on stderr
                results[name] = cast("Connection", ready).recv()
            process.join()
        for late, (_name, process, began) in list(running.items()):
            if time.monotonic() - began > LONGEST_S:
                process.kill()
                process.join()
                del running[late]
    return results


def _report(send: Connection, job: Job) -> None:
    send.send(run(job))


def main() -> None:
    """Run the plan."""
    plan: dict[str, list[str]] = json.load(sys.stdin)
    # Whatever is imported now, is not imported again in each process.
    _pytest(["--collect-only", *dict.fromkeys(test for tests in plan.values() for test in tests)])
    json.dump(run_all(list(plan.items())), sys.stdout)


if __name__ == "__main__":
    main()
