"""A core's configuration: what follows from it, and how it lies on disk."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from stubs.core.configuration import (
    Configuration,
    CoreUser,
    InvalidError,
    Line,
    System,
    at_installation,
    check,
    facts,
    users,
)
from stubs.core.versioned import ConfigurationFile, StaleError
from stubs.wire import Site, User
from tests.unit.stubs.portals import installed

P, S = Site.PRIMARY, Site.SECONDARY
FIRST = at_installation(installed(P))
OTHER = msgspec.structs.replace(FIRST, system=System(mode="standard"))


def line(number: int = 1, to: str = "secondary", *, supports: bool = True, backs_up: bool = True) -> Line:
    """A line."""
    fields = {"number": number, "to": to, "supports_resiliency": supports, "backs_up_my_one_x_portal": backs_up}
    return msgspec.convert(fields, Line)


def configuration(*lines: Line) -> Configuration:
    """One with these lines."""
    return Configuration(system=System(mode="select"), lines=lines, users=())


@pytest.mark.parametrize(
    ("lines", "supports", "backs_up"),
    [
        ((line(),), True, True),
        ((line(backs_up=False),), True, False),
        ((line(supports=False),), False, False),
        ((line(supports=False, backs_up=False), line(2)), True, True),
        ((line(1, supports=False), line(2, backs_up=False)), True, False),
        ((line(to="expansion"),), False, False),
        ((), False, False),
    ],
)
def test_only_both_ticks_on_one_line_to_the_other_server_count(
    lines: tuple[Line, ...],
    supports: bool,  # noqa: FBT001 - what is expected
    backs_up: bool,  # noqa: FBT001 - likewise
) -> None:
    """CFG-7: not one tick here and the other there, and none on another line."""
    seen = facts(configuration(*lines), P.server, P)
    assert (seen.server, seen.supports_resiliency, seen.backs_up_portal) == (P.server, supports, backs_up)


@pytest.mark.parametrize(("mode", "select"), [("select", True), ("standard", False)])
def test_select_is_a_mode_of_the_system(mode: str, select: bool) -> None:  # noqa: FBT001 - what is expected
    """CFG-2."""
    changed = msgspec.structs.replace(FIRST, system=msgspec.convert({"mode": mode}, System))
    assert facts(changed, P.server, P).select is select


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (configuration(line(1), line(1)), "$.lines[1].number"),
        (configuration(line(to="primary")), "$.lines[0].to"),
        (msgspec.structs.replace(FIRST, users=(CoreUser("a", "x"), CoreUser("a", "y"))), "$.users[1].name"),
    ],
)
def test_what_the_form_cannot_tell_is_checked_and_named(bad: Configuration, named: str) -> None:
    """CFG-8."""
    with pytest.raises(InvalidError) as raised:
        check(bad, P.server)
    assert named in str(raised.value)


def test_the_configuration_after_installation_is_valid_on_both_servers() -> None:
    """And ready on P, with the users at home there."""
    for site in Site:
        check(at_installation(installed(site)), site.server)
    assert facts(FIRST, P.server, P).backs_up_portal
    assert not facts(at_installation(installed(S)), S.server, S).backs_up_portal
    assert users(FIRST, P.server) == (User(name="alice", password="alice-password", home=P.server),)


def test_a_save_is_the_next_version_and_survives_a_restart(tmp_path: Path) -> None:
    """CFG-8, SYNC-6."""
    file = ConfigurationFile(tmp_path / "c.json", FIRST)
    saved = file.save(OTHER, loaded=1)
    assert (saved.version, saved.configuration) == (2, OTHER)
    assert ConfigurationFile(tmp_path / "c.json", FIRST).saved == saved


@pytest.mark.parametrize("loaded", [0, 1, 3, -1])
def test_a_stale_save_changes_nothing(tmp_path: Path, loaded: int) -> None:
    """CFG-8: neither in memory nor on disk."""
    file = ConfigurationFile(tmp_path / "c.json", FIRST)
    before = file.save(OTHER, loaded=1)
    with pytest.raises(StaleError):
        file.save(FIRST, loaded=loaded)
    assert file.saved == before == ConfigurationFile(tmp_path / "c.json", FIRST).saved


def test_of_savers_at_the_same_time_one_wins(tmp_path: Path) -> None:
    """CFG-8: the others are told that they are late."""
    file = ConfigurationFile(tmp_path / "c.json", FIRST)
    results: list[str] = []

    def save() -> None:
        try:
            file.save(OTHER, loaded=1)
        except StaleError:
            results.append("stale")
        else:
            results.append("saved")

    threads = [threading.Thread(target=save) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == ["saved"] + ["stale"] * 7
    assert file.saved.version == 2


def test_a_save_that_dies_half_way_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CFG-8: atomic; whatever was written lies beside it until it is complete."""
    path = tmp_path / "c.json"
    file = ConfigurationFile(path, FIRST)
    before = path.read_bytes()

    def die(self: Path, target: Path) -> Path:
        raise OSError(f"no {self} to {target}")

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(OSError, match="no "):
        file.save(OTHER, loaded=1)
    assert path.read_bytes() == before
    assert file.saved.version == 1
    monkeypatch.undo()
    assert file.save(OTHER, loaded=1).version == 2


def test_a_factory_reset_is_a_further_version(tmp_path: Path) -> None:
    """Else who loaded before it could save over it."""
    file = ConfigurationFile(tmp_path / "c.json", FIRST)
    file.save(OTHER, loaded=1)
    file.reset()
    assert (file.saved.version, file.saved.configuration) == (3, FIRST)
    with pytest.raises(StaleError):
        file.save(OTHER, loaded=2)


def test_a_factory_reset_is_told_from_a_save_and_survives_a_restart(tmp_path: Path) -> None:
    """CFG-3: what the portals hear first after it counts as at an installation."""
    file = ConfigurationFile(tmp_path / "c.json", FIRST)
    assert file.save(OTHER, loaded=1).installed == 1
    file.reset()
    assert file.saved.installed == 3
    assert file.save(OTHER, loaded=3).installed == 3
    again = ConfigurationFile(tmp_path / "c.json", FIRST).saved
    assert facts(again.configuration, P.server, P, installed=again.installed).installed == 3
