"""What a portal has in effect, and what it remembers of the others."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import msgspec

from stubs.portal.database import NotStoredError
from stubs.portal.knowledge import Knowledge
from stubs.portal.settings import PortalSettings, Settings, at_installation
from stubs.wire import CoreFacts, Failback, ServerName, Site
from tests.unit.stubs.pair import MemoryNotes
from tests.unit.stubs.portals import installed, word

SETTINGS = at_installation(installed(Site.PRIMARY).baseline)
MANUAL = msgspec.structs.replace(SETTINGS, failback=Failback.MANUAL, detection_minutes=7.0)
CORE = CoreFacts(server=ServerName.PRIMARY, select=True, supports_resiliency=True, backs_up_portal=True)
PEER = word(Site.SECONDARY).facts
OWN = word(Site.PRIMARY).facts


@dataclass
class BrokenNotes(MemoryNotes):
    """A disk that takes nothing while it is broken; counts what it took."""

    broken: bool = True
    stored: int = 0

    def remember(self, key: str, value: str) -> None:
        """Refuse, or keep."""
        if self.broken:
            raise NotStoredError("disk full")
        self.stored += 1
        super().remember(key, value)


def test_a_changed_setting_is_in_effect_after_a_restart_only() -> None:
    """CFG-4: until then it is pending, and the other portal is told the old one."""
    notes = MemoryNotes()
    settings = PortalSettings(notes, SETTINGS)
    assert not settings.restart_pending
    settings.change(msgspec.to_builtins(MANUAL))
    assert (settings.configured, settings.effective, settings.restart_pending) == (MANUAL, SETTINGS, True)
    assert settings.facts("12.0", select=True).failback is Failback.AUTOMATIC
    restarted = PortalSettings(notes, SETTINGS)
    assert (restarted.configured, restarted.effective, restarted.restart_pending) == (MANUAL, MANUAL, False)
    assert restarted.facts("12.0", select=True).detection_minutes == 7.0


def test_a_setting_changed_back_is_pending_no_more() -> None:
    """CFG-4: a restart would change nothing."""
    settings = PortalSettings(MemoryNotes(), SETTINGS)
    settings.change(msgspec.to_builtins(MANUAL))
    settings.change(msgspec.to_builtins(SETTINGS))
    assert not settings.restart_pending


def test_a_factory_reset_is_in_effect_at_once_and_kept() -> None:
    """Else the next start would bring the old settings back."""
    notes = MemoryNotes()
    settings = PortalSettings(notes, SETTINGS)
    settings.change(msgspec.to_builtins(MANUAL))
    settings.reset()
    assert (settings.configured, settings.effective) == (SETTINGS, SETTINGS)
    assert PortalSettings(notes, MANUAL).configured == SETTINGS


def test_settings_that_were_not_kept_are_not_configured() -> None:
    """SYNC-8."""
    settings = PortalSettings(BrokenNotes(), SETTINGS)
    try:
        settings.change(msgspec.to_builtins(MANUAL))
    except NotStoredError:
        assert settings.configured == SETTINGS
    else:
        raise AssertionError("it was not stored, and nobody was told")


def test_no_change_is_lost_among_others_at_the_same_time() -> None:
    """SYNC-8: each of several pages is saved, whoever was first to read what stood there."""

    class SlowNotes(MemoryNotes):
        def remember(self, key: str, value: str) -> None:
            busy.set()
            waits.wait(0.2)
            super().remember(key, value)

    busy, waits = threading.Event(), threading.Event()
    settings = PortalSettings(SlowNotes(), SETTINGS)
    first = threading.Thread(target=settings.change, args=({"detection_minutes": 9.0},))
    first.start()
    assert busy.wait(5)
    settings.change({"host_domain_name": "other.unit.test"})
    first.join()
    assert settings.configured.detection_minutes == 9.0
    assert settings.configured.host_domain_name == "other.unit.test"


def test_the_facts_are_all_the_other_portal_needs() -> None:
    """Each setting reaches the fact of its name."""
    facts = PortalSettings(MemoryNotes(), MANUAL).facts("11.1", select=False)
    assert msgspec.to_builtins(facts) == {**msgspec.to_builtins(MANUAL), "version": "11.1", "select": False}
    assert isinstance(MANUAL, Settings)


def test_what_was_learnt_survives_a_restart() -> None:
    """ROLE-12: a secondary restarted while its primary is lost knows that it may serve."""
    notes = MemoryNotes()
    knowledge = Knowledge(Site.PRIMARY, notes)
    assert not knowledge.complete
    knowledge.learn_peer(PEER)
    knowledge.learn_core(CORE)
    again = Knowledge(Site.PRIMARY, notes)
    assert again.complete
    assert again.known(OWN) == knowledge.known(OWN)
    again.forget()
    assert not Knowledge(Site.PRIMARY, notes).complete


def test_only_the_primarys_core_is_listened_to() -> None:
    """CFG-7: a tick on any other line does not count."""
    knowledge = Knowledge(Site.SECONDARY, MemoryNotes())
    knowledge.learn_core(replace(CORE, server=ServerName.SECONDARY))
    assert knowledge.known(PEER).primary_core is None


def test_own_and_learnt_facts_stand_on_their_own_sides() -> None:
    """On either server the primary's failback and detection time count, as soon as they are known."""
    for site, own, peer in ((Site.PRIMARY, OWN, PEER), (Site.SECONDARY, PEER, OWN)):
        knowledge = Knowledge(site, MemoryNotes())
        assert knowledge.primary(own) == own
        knowledge.learn_peer(peer)
        known = knowledge.known(own)
        assert (known.primary, known.secondary) == (OWN, PEER)
        assert knowledge.primary(own) == OWN


def test_what_is_known_already_is_not_stored_again() -> None:
    """A core tells its facts at each heartbeat; each storing costs a write to the disk."""
    notes = BrokenNotes(broken=False)
    knowledge = Knowledge(Site.PRIMARY, notes)
    for _ in range(3):
        knowledge.learn_core(CORE)
    assert notes.stored == 1


def test_what_the_disk_does_not_take_counts_and_is_kept_later() -> None:
    """A full disk must not stop a portal from knowing who serves."""
    notes = BrokenNotes()
    knowledge = Knowledge(Site.PRIMARY, notes)
    knowledge.learn_core(CORE)
    assert knowledge.known(OWN).primary_core == CORE
    notes.broken = False
    assert Knowledge(Site.PRIMARY, notes).known(OWN).primary_core is None
    knowledge.learn_core(CORE)
    assert Knowledge(Site.PRIMARY, notes).known(OWN).primary_core == CORE
