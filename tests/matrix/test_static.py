"""What clients make of certificates that a server shows from the beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.matrix.cases import Case
from tests.matrix.clients import TRUSTED
from tests.matrix.expected import EXPECTED, STATIC
from tests.matrix.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.matrix.clients import Place


@pytest.mark.parametrize("case", Case)
def test_each_client_has_its_verdict(
    places: dict[Case, Place], client: tuple[str, Callable[[Place], str]], case: Case, table: Table
) -> None:
    """It is told by what the client itself gives away."""
    name, asks = client
    verdict = asks(places[case])
    table.add(case.value, name, verdict)
    assert verdict == STATIC[case][name]


def test_the_table_is_whole_and_nothing_faulty_is_trusted_by_all() -> None:
    """Every case has its row, and the sound ones alone are good enough for everybody."""
    assert set(STATIC) == set(Case)
    everybody = {case for case, row in STATIC.items() if set(row.values()) == {TRUSTED}}
    assert everybody == {Case.SOUND, Case.SOUND_WITH_INTERMEDIATE}


def test_a_strange_verdict_stands_out_in_the_table(tmp_path: Path) -> None:
    """Beside the expected ones; and a client that was not asked is not taken for one that agreed."""
    own = Table(tmp_path, EXPECTED)
    own.add(Case.EXPIRED.value, "curl", TRUSTED)
    page = own.page()
    assert page.count("strange") == 2  # the style, and the cell
    assert page.count("not asked") == len(EXPECTED[Case.EXPIRED]) - 1
