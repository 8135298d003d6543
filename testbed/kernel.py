"""What a kernel says it was built with, and what the testbed needs of it. Pure: the text of its configuration comes in.

A kernel tells by options (`CONFIG_…`): `y` built in, `m` a module, which is loaded when it is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SET = re.compile(r"^(CONFIG_\w+)=[ym]$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What some options of a kernel are for.

    Attributes:
        check: a word for it.
        options: all of which it takes.
        needed: whether nothing works without them.
        serves: what they are for, in words.
    """

    check: str
    options: tuple[str, ...]
    needed: bool
    serves: str


NEEDS = (
    Need(
        check="kernel: networks",
        options=("CONFIG_VETH", "CONFIG_BRIDGE"),
        needed=True,
        serves="containers with addresses of their own",
    ),
    Need(
        check="kernel: cuts",
        options=("CONFIG_NF_TABLES", "CONFIG_NF_TABLES_INET"),
        needed=True,
        serves="every cut of a link, and a lost server",
    ),
    Need(check="kernel: reject", options=("CONFIG_NFT_REJECT_INET",), needed=False, serves="cuts that answer"),
    Need(check="kernel: loss", options=("CONFIG_NFT_NUMGEN",), needed=False, serves="loss of packets"),
    Need(check="kernel: rate", options=("CONFIG_NET_SCH_HTB",), needed=False, serves="limits of a link's rate"),
    Need(
        check="kernel: delay",
        options=("CONFIG_NET_SCH_HTB", "CONFIG_NET_SCH_NETEM"),
        needed=False,
        serves="delay, jitter, duplication and reordering",
    ),
)
"""All that is needed of a kernel, the most needed first."""


def built_with(configuration: str) -> frozenset[str]:
    """The options of a kernel, from the text that it was built with (as in /proc/config.gz)."""
    return frozenset(_SET.findall(configuration))


def lacking(need: Need, has: Iterable[str]) -> tuple[str, ...]:
    """Which options of a need a kernel does not have."""
    has = frozenset(has)
    return tuple(option for option in need.options if option not in has)
