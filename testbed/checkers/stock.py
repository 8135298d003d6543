"""What the servers held at the end: their logs, what was taken back, what users saw. Pure; from records only."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbed.checkers.changes import Deed
    from testbed.history import Record


@dataclass(frozen=True, kw_only=True)
class Stock:
    """What was read from the servers last.

    Attributes:
        logs: by the server that was read and the server that made the changes; what could not be read is not there.
        reads: when each of them was read.
        taken_back: what failbacks took back, as far as it was named.
        unread: which server could not be read, and why not, in words.
        unlisted_ms: of the secondary's changes up to this moment nobody could read whether failback named them.
        contents: what users saw on the primary, by collection and user, and there by id.
    """

    logs: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
    reads: Mapping[tuple[str, str], float]
    taken_back: Counter[Deed]
    unread: tuple[tuple[str, str], ...]
    unlisted_ms: float = -math.inf
    contents: Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def read_ms(self) -> float:
        """When the last of the logs was read."""
        return max(self.reads.values(), default=0.0)

    def deeds(self, server: str, made_on: str) -> Counter[Deed]:
        """What is in a log, and how often."""
        return Counter(deed_of(entry) for entry in self.logs.get((server, made_on), ()))

    def unread_of(self, *servers: str) -> list[str]:
        """Why something is not known of these, in words."""
        return [f"the {server} could not be read: {why}" for server, why in self.unread if server in servers]


def deed_of(entry: Mapping[str, Any]) -> Deed:
    """What an entry of a log, or of a list of changes taken back, is about."""
    return entry["collection"], entry["owner"], entry["id"], entry["what"]


def stock_of(by_kind: Mapping[str, Sequence[Record]]) -> Stock:
    """What a story tells of the servers at its end; from the records of each kind."""
    logs = {(one.fields["server"], one.fields["made_on"]): one for one in by_kind.get("log", ())}
    listed = {
        (entry["made_at"], entry["seq"], *deed_of(entry)): deed_of(entry)
        for one in by_kind.get("discarded", ())
        if one.fields["server"] == "secondary"
        for entry in one.fields["changes"]
    }
    own = logs.get(("secondary", "secondary"))
    discarded = [one for one in by_kind.get("discarded", ()) if one.fields["server"] == "secondary"]
    # Between the two readings nobody knows what was named; a stock that ends there has not been read to its end.
    is_listed = own is None or any(one.monotonic_ms >= own.monotonic_ms for one in discarded)
    return Stock(
        logs={key: one.fields["entries"] for key, one in logs.items()},
        reads={key: one.monotonic_ms for key, one in logs.items()},
        taken_back=Counter(listed.values()),
        unread=tuple((one.fields["server"], str(one.fields["why"])) for one in by_kind.get("unread", ())),
        unlisted_ms=max(
            (
                one.fields.get("until_ms", one.monotonic_ms)
                for one in by_kind.get("unread", ())
                if one.fields["server"] == "secondary"
            ),
            default=-math.inf,
        )
        if is_listed
        else math.inf,
        contents={
            (one.fields["collection"], one.fields["user"]): {str(each["id"]): each for each in one.fields["items"]}
            for one in by_kind.get("contents", ())
            if one.fields["server"] == "primary"
        },
    )
