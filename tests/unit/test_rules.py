"""The table of rules is complete, well formed, and helps whoever mistypes an id."""

from __future__ import annotations

import pytest

from testbed.errors import MisuseError
from testbed.rules import GROUPS, RULES, Source, rule

NUMBERS = {
    "CFG": 14,
    "ROLE": 14,
    "VIEW": 4,
    "SYNC": 8,
    "MEET": 4,
    "CONT": 3,
    "REDIR": 8,
    "CERT": 6,
    "CLIENT": 4,
}


def test_the_table_numbers_each_group_without_a_gap() -> None:
    """A rule that is dropped, doubled or out of order shows here."""
    assert list(RULES) == [f"{group}-{n}" for group, last in NUMBERS.items() for n in range(1, last + 1)]


def test_the_table_titles_exactly_the_groups_it_uses() -> None:
    """The report prints a title for every rule's group, and no empty group."""
    assert list(GROUPS) == list(dict.fromkeys(entry.group for entry in RULES.values()))


@pytest.mark.parametrize("identity", RULES)
def test_a_rule_promises_something_and_says_where_it_comes_from(identity: str) -> None:
    """A promise is a sentence or two; a rule without a source is a rumour."""
    entry = RULES[identity]
    assert entry.promise[0].isupper()
    assert entry.promise.endswith(".")
    assert 30 <= len(entry.promise) <= 220
    assert entry.sources
    assert len(set(entry.sources)) == len(entry.sources)


def test_no_two_rules_promise_the_same() -> None:
    """A promise pasted twice would hide that one rule was never written."""
    assert len({entry.promise for entry in RULES.values()}) == len(RULES)


@pytest.mark.parametrize(
    ("identity", "sources"),
    [
        ("ROLE-2", (Source.SEED, Source.DOCUMENTATION)),
        ("ROLE-8", (Source.DOCUMENTATION,)),
        ("ROLE-14", (Source.OURS,)),
        ("SYNC-4", (Source.SEED, Source.OURS)),
    ],
)
def test_a_rule_keeps_all_of_its_sources(identity: str, sources: tuple[Source, ...]) -> None:
    """What is ours must not pass for the vendor's word."""
    assert rule(identity).sources == sources


def test_the_table_cannot_be_changed_by_its_readers() -> None:
    """One test that edits the table would change the verdicts of all others."""
    with pytest.raises(TypeError):
        RULES["ROLE-99"] = rule("ROLE-1")  # type: ignore[index]


@pytest.mark.parametrize("typed", ["role-2", "ROLE2", "ROLE_2", "ROLE -2", "RULE-2"])
def test_rule_names_the_near_miss(typed: str) -> None:
    """Whoever mistypes an id is told the one they meant."""
    with pytest.raises(MisuseError, match=r"ROLE-2\b"):
        rule(typed)


def test_rule_names_the_groups_when_nothing_is_near() -> None:
    """A word that resembles no id still gets a way on."""
    with pytest.raises(MisuseError, match="the groups are CFG, ROLE"):
        rule("perpetual motion")
