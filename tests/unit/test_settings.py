"""What people type to set something is understood, or refused with what is allowed."""

from __future__ import annotations

import pytest

from testbed.errors import MisuseError
from testbed.settings import KINDS, ON_PAGES, form, on_page, parse, written

EVERYTHING = [
    "select=off",
    "line.supports-resiliency=on",
    "line.backs-up-portal=off",
    "failover=off",
    "failback=manual",
    "detection-minutes=5",
    "central-cti=on",
    "host-domain-name=portal.example",
]


def test_everything_that_can_be_set_is_understood_and_written_back() -> None:
    """What is shown can be typed."""
    changes = parse(EVERYTHING)
    assert list(changes) == list(KINDS)
    assert [f"{key}={written(value)}" for key, value in changes.items()] == EVERYTHING


def test_a_text_may_be_empty_and_hold_an_equals_sign() -> None:
    """An empty Host Domain Name is a fault to inject (CFG-12); the portal judges the rest."""
    assert parse(["host-domain-name="]) == {"host-domain-name": ""}
    assert parse(["host-domain-name=a=b"]) == {"host-domain-name": "a=b"}


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (["colour=red"], "nothing to set is called 'colour'; there are select, line.supports-resiliency"),
        (["=on"], "nothing to set is called ''"),
        (["failover"], "failover to what? Write failover=on|off"),
        (["failover=yes"], "failover is on|off, not 'yes'"),
        (["failover="], "failover is on|off, not ''"),
        (["failback=never"], "failback is automatic|manual, not 'never'"),
        (["detection-minutes=soon"], "detection-minutes is NUMBER, not 'soon'"),
        (["detection-minutes=nan"], "detection-minutes is NUMBER, not 'nan'"),
        (["detection-minutes=inf"], "detection-minutes is NUMBER, not 'inf'"),
        (["failover=on", "select=on", "failover=off"], "failover is given twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_is_allowed(assignments: list[str], said: str) -> None:
    """One line that names the key."""
    with pytest.raises(MisuseError) as refused:
        parse(assignments)
    assert said in str(refused.value)


def test_a_page_takes_what_it_shows() -> None:
    """Every setting of a page goes along when one is changed, under the name that the page takes it by."""
    for page in {one.page for one in ON_PAGES.values()}:
        shown = {one.field: key for key, one in ON_PAGES.items() if one.page == page}
        values = on_page(page, shown)
        assert set(values.values()) == set(values)
        sent = form(page, values)
        assert sent == {ON_PAGES[key].sent_as: key for key in values}
    assert form("central-cti-link", {"central-cti": True}) == {"enabled": True}
