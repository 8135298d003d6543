"""Ok, fail or info: what a user may believe of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbed.clients.exchange import Answer, Exchange, Failure, FailureKind
from testbed.clients.outcome import of_change, of_read

if TYPE_CHECKING:
    from testbed.history import End

SENT = {"key": "tone", "value": "low"}
STORED = {**SENT, "id": 3}


@pytest.mark.parametrize(
    ("status", "body", "end"),
    [
        (201, STORED, "ok"),
        (200, {**STORED, "extra": 1}, "ok"),
        (201, {"id": 3, "key": "tone", "value": "high"}, "info"),
        (201, {"id": 3, "key": "tone"}, "info"),
        (201, SENT, "info"),
        (201, None, "info"),
        (200, [STORED], "info"),
        (204, None, "info"),
        (302, None, "fail"),
        (307, None, "fail"),
        (400, {"error": "invalid"}, "fail"),
        (401, {"error": "not_logged_in"}, "fail"),
        (409, {"error": "home_core_down"}, "fail"),
        (503, {"error": "not_serving"}, "fail"),
        (500, None, "info"),
        (502, None, "info"),
        (504, None, "info"),
    ],
)
def test_a_change_is_ok_only_when_the_answer_repeats_it(status: int, body: Any, end: End) -> None:
    """SYNC-8: success needs the stored item, refusals did not happen, the rest cannot be known."""
    assert of_change(Answer(status=status, json=body), SENT).end == end


@pytest.mark.parametrize("kind", FailureKind)
@pytest.mark.parametrize(("sent", "end"), [(False, "fail"), (True, "info")])
def test_a_change_without_an_answer_is_unknown_once_it_was_sent(
    kind: FailureKind,
    sent: bool,  # noqa: FBT001 -- a table's column
    end: End,
) -> None:
    """SYNC-8: what never left did not happen; what left may have."""
    result = of_change(Failure(kind=kind, sent=sent), SENT)
    assert (result.end, result.error) == (end, kind)


@pytest.mark.parametrize(("status", "end"), [(204, "ok"), (200, "ok"), (201, "info"), (404, "fail"), (500, "info")])
def test_a_deletion_needs_no_body(status: int, end: End) -> None:
    """A deletion is ok by its status alone."""
    assert of_change(Answer(status=status), None).end == end


@pytest.mark.parametrize(
    "exchange",
    [
        Answer(status=200),
        Answer(status=200, json={"items": "many"}),
        Answer(status=200, json={"items": [1]}),
        Answer(status=401, json={"items": []}),
        Failure(kind=FailureKind.TIMED_OUT, sent=True),
    ],
)
def test_a_read_without_a_collection_is_a_failure(exchange: Exchange) -> None:
    """No answer is never read as an empty collection."""
    assert of_read(exchange).end == "fail"


def test_a_read_returns_the_items() -> None:
    """An empty collection and a full one are both ok."""
    assert of_read(Answer(status=200, json={"items": []})).ok
    assert of_read(Answer(status=200, json={"items": [STORED]})).items == (STORED,)
