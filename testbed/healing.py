"""Ends every fault of a bed, whoever injected it. Goes on when one step fails, and reports every failure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from testbed.undo import Undo

if TYPE_CHECKING:
    from stubs.wire import ServerName
    from testbed.bed import Bed
    from testbed.network.applied import Applied


def heal(bed: Bed) -> Applied:
    """End the faults of the network, of disks, of services, of certificates, in this order.

    Returns:
        When each server's network had none any more.

    Raises:
        EngineError, ExceptionGroup: of what could not be healed.
    """
    healed: list[Applied] = []
    steps = Undo()  # does them in reverse
    steps.callback(bed.certificates.restore_all)
    steps.callback(begin_all, bed)
    # Channels that cannot be opened are a failure as well; one that broke is opened anew.
    steps.callback(lambda: healed.append(bed.links.heal_all()))
    steps.close()
    return healed[0]


def begin_all(bed: Bed) -> None:
    """End the faults of disks, and let every service run. Raises as `heal`."""
    steps = Undo()  # does them in reverse
    steps.callback(_begin_services, bed)
    steps.callback(bed.volumes.heal)
    steps.close()


def all_services(bed: Bed) -> list[tuple[ServerName, str]]:
    """Every service of every server."""
    return [(server.server, service) for server in bed.servers for service in bed.installed(server.server)]


def _begin_services(bed: Bed) -> None:
    states = bed.services.states()
    idle = [each for each in all_services(bed) if states.get(each[0], {}).get(each[1]) != "running"]
    bed.services.at_once([partial(_begin, bed, *each) for each in idle])


def _begin(bed: Bed, server: ServerName, service: str) -> None:
    bed.services.resume(server, service)
    bed.services.start(server, service)
