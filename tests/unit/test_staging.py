"""A certificate fault is staged from what the server's vault holds, proved on every port, and taken back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from stubs.wire import ServerName
from testbed.certificates import CertificateFault, leaf_of, own
from testbed.errors import EngineError, FaultError, MisuseError
from testbed.faults import certificate, describe
from testbed.history import History
from testbed.nemesis import Nemesis
from testbed.staging import PORTS, Certificates, installed_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from testbed.bed import Bed

SERVICES = {port: service for service, port in PORTS.items()}
PAIR = P, S = ServerName.PRIMARY, ServerName.SECONDARY


class FakeServer:
    """A server with a volume and three services; they show what was installed when they were last told to look."""

    def __init__(self, server: ServerName) -> None:
        self.server, self.name = server, server.value
        self.hostname, self.address = f"{server.value}.demo.test", "192.0.2.5"
        made = own(self.hostname, self.address)
        self.anchor = made.anchor
        self.volume = installed_files(made)
        self.state = dict.fromkeys(PORTS, "running")
        self.shows = dict.fromkeys(PORTS, leaf_of(made.installed))
        self.sound = leaf_of(made.installed)
        self.deaf: set[str] = set()
        self.dormant: set[str] = set()
        self.silent: set[str] = set()

    def certificate(self, port: int) -> bytes | None:
        """What an inspector would be shown."""
        service = SERVICES[port]
        if service in self.silent or self.state[service] == "paused":
            return None
        return self.shows[service] if self.state[service] == "running" and service not in self.dormant else b""

    def look(self, service: str) -> None:
        """A service is told that another certificate was installed."""
        staged = self.volume.pop("conf/tls.staged.pem", None)
        if staged is not None:
            self.volume["conf/tls.pem"] = staged
        if service not in self.deaf:
            self.shows[service] = leaf_of(self.volume["conf/tls.pem"])


class FakeBed:
    """Two such servers, and the engine that runs them."""

    def __init__(self) -> None:
        self.name, self.stays = "bed", False
        self.known = {name: FakeServer(name) for name in PAIR}
        self.inspectors = self.known
        self.servers = tuple(self.known.values())
        self.record = SimpleNamespace(anchors={site: one.anchor.decode() for site, one in self.known.items()})
        self.services = self
        self.certificates = Certificates(cast("Bed", self), within_s=0.05)
        self.broken: set[ServerName] = set()

    def server(self, server: ServerName) -> FakeServer:
        """A server."""
        return self.known[server]

    def installed(self, _server: ServerName) -> tuple[str, ...]:
        """What runs there."""
        return ("core", "portal")

    def states(self) -> dict[ServerName, dict[str, str]]:
        """What the engine would say."""
        return {site: dict(one.state) for site, one in self.known.items()}

    def write_files(self, server: ServerName, files: Mapping[str, bytes]) -> None:
        """Write to the volume."""
        if server in self.broken:
            raise EngineError("no space left")
        self.known[server].volume.update(files)

    def read_file(self, server: ServerName, path: str) -> bytes:
        """Read from the volume."""
        return self.known[server].volume[path]

    def has_file(self, server: ServerName, path: str) -> bool:
        """Look at the volume."""
        if server in self.broken:
            raise EngineError("no answer")
        return path in self.known[server].volume

    def show_certificate(self, server: ServerName, which: Iterable[str]) -> None:
        """Tell services."""
        for service in which:
            self.known[server].look(service)


@pytest.fixture
def bed() -> FakeBed:
    """One bed."""
    return FakeBed()


@pytest.mark.parametrize("case", CertificateFault)
def test_a_staged_fault_is_shown_by_every_service(bed: FakeBed, case: CertificateFault) -> None:
    """One and the same, on this server alone; and the servers themselves say which."""
    bed.certificates.stage(P, case)
    assert len(set(bed.known[P].shows.values())) == 1
    assert bed.certificates.current() == {P: case}
    assert bed.certificates.described() == [f"certificate of primary {case.value}"]
    bed.certificates.restore(P)
    assert set(bed.known[P].shows.values()) == {bed.known[P].sound}
    assert bed.certificates.current() == {}


@pytest.mark.parametrize("deaf", PORTS)
def test_a_fault_that_one_service_does_not_show_is_no_fault(bed: FakeBed, deaf: str) -> None:
    """The proof covers every port, and names who lags behind."""
    bed.known[P].deaf.add(deaf)
    with pytest.raises(FaultError, match=f"certificate of the primary was not replaced.*{deaf}"):
        bed.certificates.stage(P, CertificateFault.EXPIRED)


@pytest.mark.parametrize("deaf", PORTS)
def test_a_fault_that_outlives_its_end_is_an_error(bed: FakeBed, deaf: str) -> None:
    """And it shows among the faults, on whichever port it is left."""
    bed.certificates.stage(P, CertificateFault.EXPIRED)
    bed.known[P].deaf.add(deaf)
    with pytest.raises(FaultError, match=deaf):
        bed.certificates.restore(P)
    assert bed.certificates.current() == {P: CertificateFault.EXPIRED}


@pytest.mark.parametrize("state", ["stopped", "paused"])
def test_a_service_that_does_not_run_proves_nothing(bed: FakeBed, state: str) -> None:
    """It is not waited for; it finds the certificate when it begins or goes on."""
    bed.known[P].state["portal"] = state
    bed.certificates.stage(P, CertificateFault.WRONG_HOST)
    assert bed.known[P].shows["portal"] == bed.known[P].sound
    assert bed.known[P].shows["core"] == leaf_of(bed.known[P].volume["conf/tls.pem"])


def test_a_service_that_listens_to_nobody_shows_none(bed: FakeBed) -> None:
    """A dormant portal (CFG-11) has no certificate to show, and hinders nobody; a platform view is never dormant."""
    bed.known[P].dormant.add("portal")
    bed.certificates.stage(P, CertificateFault.WRONG_HOST)
    assert bed.certificates.current() == {P: CertificateFault.WRONG_HOST}
    bed.known[P].dormant.add("server")
    with pytest.raises(FaultError, match="server"):
        bed.certificates.restore(P)


@pytest.mark.parametrize("silent", PORTS)
def test_a_service_that_runs_and_does_not_answer_is_no_proof(bed: FakeBed, silent: str) -> None:
    """A lost server could show anything."""
    bed.known[P].silent.add(silent)
    with pytest.raises(FaultError, match=silent):
        bed.certificates.stage(P, CertificateFault.WRONG_HOST)


def test_healing_all_goes_on_when_one_healing_fails(bed: FakeBed) -> None:
    """The other server is healed, and the failure is reported."""
    for server in PAIR:
        bed.certificates.stage(server, CertificateFault.REPLACED)
    bed.broken.add(P)
    with pytest.raises(ExceptionGroup) as failed:
        bed.certificates.restore_all()
    assert [str(error) for error in failed.value.exceptions] == ["no space left"]
    assert bed.certificates.current() == {P: CertificateFault.REPLACED}


@pytest.mark.parametrize("server", PAIR)
def test_a_certificate_that_was_staged_and_never_shown_is_told_and_healed(bed: FakeBed, server: ServerName) -> None:
    """Its stager was killed half-way: the next service that is told to look would show it."""
    bed.certificates.stage(server, CertificateFault.EXPIRED)
    wrong = bed.known[server].volume["conf/tls.pem"]
    bed.certificates.restore(server)
    bed.write_files(server, {"conf/tls.staged.pem": wrong})
    assert bed.certificates.current() == {}
    assert bed.certificates.described() == [f"certificate of {server.value} staged, and not shown yet"]
    bed.certificates.restore_all()
    assert bed.certificates.described() == []
    for service in PORTS:
        bed.known[server].look(service)
    assert set(bed.known[server].shows.values()) == {bed.known[server].sound}


def test_where_nobody_can_tell_what_is_staged_the_server_is_named(bed: FakeBed) -> None:
    """The other one is healed all the same."""
    bed.certificates.stage(S, CertificateFault.EXPIRED)
    bed.broken.add(P)
    with pytest.raises(ExceptionGroup) as failed:
        bed.certificates.restore_all()
    assert failed.value.exceptions[0].__notes__ == ["a certificate of primary may still hold"]
    assert bed.certificates.current() == {}


def test_the_nemesis_heals_a_certificate_fault(bed: FakeBed, tmp_path: Path) -> None:
    """And proves that it was one."""
    fault = certificate(bed.known[S], CertificateFault.SELF_SIGNED)
    assert describe(fault) == "certificate of secondary self-signed"
    with History(tmp_path / "history.jsonl") as history:
        nemesis = Nemesis(cast("Bed", bed), history)
        with nemesis.under(fault):
            assert bed.certificates.current() == {S: CertificateFault.SELF_SIGNED}
    assert bed.certificates.current() == {}


def test_the_nemesis_undoes_a_fault_that_had_no_effect(bed: FakeBed, tmp_path: Path) -> None:
    """What was done of it does not stay."""
    bed.known[S].deaf.add("core")
    fault = certificate(bed.known[S], CertificateFault.EXPIRED)
    with History(tmp_path / "history.jsonl") as history:
        nemesis = Nemesis(cast("Bed", bed), history)
        with pytest.raises(FaultError), nemesis.under(fault):
            pytest.fail("the block must not run under a fault that is none")
    assert bed.certificates.current() == {}


def test_the_nemesis_refuses_a_second_fault_of_the_kind(bed: FakeBed, tmp_path: Path) -> None:
    """Healing either would show the installed one, while the other should hold."""
    with History(tmp_path / "history.jsonl") as history:
        nemesis = Nemesis(cast("Bed", bed), history)
        nemesis.inject(certificate(bed.known[S], CertificateFault.EXPIRED))
        with pytest.raises(MisuseError, match="secondary is expired already"):
            nemesis.inject(certificate(bed.known[S], CertificateFault.REPLACED))
        assert bed.certificates.current() == {S: CertificateFault.EXPIRED}
        nemesis.heal_all()
    assert bed.certificates.current() == {}
