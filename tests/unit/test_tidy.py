"""How long the janitor goes on, with a made-up sweep."""

from __future__ import annotations

import pytest

from testbed.engine.janitor import tidy
from testbed.engine.sweep import Swept, sweep
from testbed.errors import EngineError, NotInTimeError


def test_tidy_waits_for_late_arrivals() -> None:
    """Quiet starts anew when something appears; it ends after a while of nothing."""
    found = iter([Swept(), Swept(containers=["late"]), Swept()])
    seen: list[Swept] = []

    def look() -> Swept:
        seen.append(next(found, Swept()))
        return seen[-1]

    tidy(look, quiet_s=0.3, within_s=10)
    assert [one.containers for one in seen[:3]] == [[], ["late"], []]
    assert len(seen) >= 4


def test_tidy_without_quiet_ends_at_the_first_empty_look() -> None:
    """An orderly end costs one look."""
    looks: list[int] = []

    def look() -> Swept:
        looks.append(1)
        return Swept()

    tidy(look, quiet_s=0, within_s=10)
    assert looks == [1]


def test_tidy_never_takes_a_failure_for_nothing() -> None:
    """What cannot be removed is tried again until the bound, and then told."""
    with pytest.raises(NotInTimeError, match="no such luck"):
        tidy(lambda: Swept(failures=[EngineError("no such luck")]), quiet_s=0, within_s=0.1)


def test_sweep_refuses_to_sweep_everything() -> None:
    """Without a label it would take what is not ours."""
    with pytest.raises(ValueError, match="label"):
        sweep(None, {})  # type: ignore[arg-type]  # it must not come to the engine
