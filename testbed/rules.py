"""What is promised, rule by rule: identity, promise, origin. May hold the table's types and look-ups only.

The table itself is `rules.toml` beside this file. Tests, checkers and the report speak in its identities.

The words in it:

- *server*: one machine with one address. *P* and *S* are the primary and the secondary server of a pair.
- *core*: the IP Office telephony service on a server.
- *portal*: the one-X Portal service on a server.
- *platform view*: the Web Control panel of a server, which lists its services with state and colour.
- *link*: what connects P and S; the cores talk over it, and so do the portals.
- *failover*: S serves because P's portal or P's core does not.
- *stand-alone*: the link is cut, and both serve.
- *normal*: neither of the two. Resilience is *in force* in failover and in stand-alone.
- *failback*: the way back from failover to normal.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from testbed.errors import MisuseError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Source(StrEnum):
    """Where a rule comes from."""

    SEED = "SEED"
    """The vendor's administrator help on portal resilience."""

    DOCUMENTATION = "DOCUMENTATION"
    """Other public documents of the vendor."""

    OURS = "OURS"
    """A reading that we chose where the others are silent or disagree."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One promise that the testbed can judge.

    Attributes:
        id: group and number, such as "ROLE-2".
        group: the part of the id before the hyphen.
        promise: one or two sentences.
        sources: where it comes from; at least one.
        held_in: the one file that carries it out, if it is a reading of ours; `None`: it is none.
    """

    id: str
    group: str
    promise: str
    sources: tuple[Source, ...]
    held_in: str | None = None


def _rule(identity: str, fields: Mapping[str, Any]) -> Rule:
    return Rule(
        id=identity,
        group=identity.partition("-")[0],
        promise=fields["promise"],
        sources=tuple(Source(name) for name in fields["sources"]),
        held_in=fields.get("held_in"),
    )


_TABLE = tomllib.loads(resources.files("testbed").joinpath("rules.toml").read_text(encoding="utf-8"))

GROUPS: Mapping[str, str] = MappingProxyType(_TABLE["groups"])
"""The title of each group of rules, in the order in which a reader wants them."""

RULES: Mapping[str, Rule] = MappingProxyType({key: _rule(key, row) for key, row in _TABLE["rules"].items()})
"""Every rule by its id, group by group."""


def rule(identity: str) -> Rule:
    """Return the rule of that id.

    Raises:
        MisuseError: there is none; names the ids that come near.
    """
    found = RULES.get(identity)
    if found is None:
        near = _near(identity)
        hint = f"; did you mean {', '.join(near)}?" if near else f"; the groups are {', '.join(GROUPS)}"
        raise MisuseError(f"no rule {identity!r}{hint}")
    return found


def _near(identity: str) -> list[str]:
    wanted = identity.strip().upper().replace("_", "-")
    return difflib.get_close_matches(wanted, RULES, n=3, cutoff=0.7)
