"""What became of something that a user did to the portal's data. Pure: judges one exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from testbed.clients.exchange import Answer, Exchange, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.history import End

_UNAVAILABLE = 503


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of an operation.

    Attributes:
        end: "ok" (it happened), "fail" (it did not) or "info" (cannot know).
        status: HTTP status, where an answer came.
        error: the API's error code, or the network's failure, where there is one.
        item: the stored item, of a change that is ok.
        items: the collection, of a read that is ok.
    """

    end: End
    status: int | None = None
    error: str | None = None
    item: Mapping[str, Any] | None = None
    items: tuple[Mapping[str, Any], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it certainly happened."""
        return self.end == "ok"


def of_change(exchange: Exchange, sent: Mapping[str, Any] | None) -> Outcome:
    """Judge a change (SYNC-8): never *ok* on the status alone, never *fail* where it may have been stored.

    Args:
        exchange: what came of the request.
        sent: the fields that the answer must repeat; None for a deletion, whose answer has no body.
    """
    match exchange:
        case Answer(status=200 | 201) if sent is not None and _repeats(exchange.json, sent):
            return Outcome(end="ok", status=exchange.status, item=exchange.json)
        case Answer(status=200 | 204) if sent is None:
            return Outcome(end="ok", status=exchange.status)
        case Answer(status=status) if 300 <= status < 500 or status == _UNAVAILABLE:  # noqa: PLR2004
            return Outcome(end="fail", status=status, error=exchange.error)
        case Answer(status=status):
            return Outcome(end="info", status=status, error=exchange.error)
        case Failure(kind=kind, sent=gone):
            return Outcome(end="info" if gone else "fail", error=kind)


def of_read(exchange: Exchange) -> Outcome:
    """Judge a read: it changes nothing, so whatever is not a proper answer is *fail*."""
    match exchange:
        case Answer(status=200, json={"items": list() as items}) if all(isinstance(i, dict) for i in items):
            return Outcome(end="ok", status=exchange.status, items=tuple(items))
        case Answer():
            return Outcome(end="fail", status=exchange.status, error=exchange.error)
        case Failure(kind=kind):
            return Outcome(end="fail", error=kind)


def _repeats(stored: Any, sent: Mapping[str, Any]) -> bool:
    """Whether an answer is the item that was sent, with an id."""
    if not isinstance(stored, dict) or "id" not in stored:
        return False
    return all(name in stored and stored[name] == value for name, value in sent.items())
