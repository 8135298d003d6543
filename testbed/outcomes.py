"""Turns what pytest reports of a test into one outcome for the rules that it names. Holds the tests of one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed.report.verdicts import Outcome, Result

if TYPE_CHECKING:
    import pytest

_WORSE = (Result.PASSED, Result.SKIPPED, Result.FAILED, Result.ERROR)


RULE = "rule"
"""The property of a test that names a rule; a test has as many as it shows."""


class Outcomes:
    """The outcomes of a session, in the order in which the tests ended."""

    def __init__(self) -> None:
        self._seen: dict[str, Outcome] = {}

    @property
    def all(self) -> tuple[Outcome, ...]:
        """One outcome for each test that began."""
        return tuple(self._seen.values())

    def take(self, report: pytest.TestReport) -> None:
        """One phase of one test is over; the worst phase counts."""
        result, message, reason = _judge(report)
        before = self._seen.get(report.nodeid)
        seconds = report.duration + (before.seconds if before else 0)
        if before is not None and _WORSE.index(before.result) >= _WORSE.index(result):
            result, message, reason = before.result, before.message, before.reason
        self._seen[report.nodeid] = Outcome(
            nodeid=report.nodeid,
            rules=tuple(str(value) for name, value in report.user_properties if name == RULE),
            result=result,
            seconds=seconds,
            message=message,
            reason=reason,
        )


def _judge(report: pytest.TestReport) -> tuple[Result, str, str]:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return Result.SKIPPED, "", reason
    if report.failed:
        result = Result.FAILED if report.when == "call" else Result.ERROR
        return result, report.longreprtext, ""
    return Result.PASSED, "", ""
