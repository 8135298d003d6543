"""Sends the probes of a link from where it begins: through a server's channel, or from this host. Judges nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stubs.server import probes
from stubs.server.refusal import RefusedError
from testbed.errors import FaultError
from testbed.partitions import Manner

if TYPE_CHECKING:
    from testbed.network.ends import Ends
    from testbed.network.evidence import Probe


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What left a server.

    Attributes:
        sent: how many probes did; its own packet filter stopped the others.
        answered: how many were answered in the manner that was asked about.
    """

    sent: int
    answered: int = 0


def send(ends: Ends, probe: Probe, *, count: int, manner: Manner = Manner.DROP) -> Sent:
    """Send probes; wait for their answers if a manner has some.

    Raises:
        FaultError, EngineError: they could not be sent.
    """
    asks = manner is not Manner.DROP
    address, channel = ends.end(probe.target).address, ends.end(probe.source).channel
    wanted: dict[str, Any] = {"address": str(address), "protocol": probe.protocol, "port": probe.port, "count": count}
    said: dict[str, Any]
    if channel is not None:
        said = channel.request({"do": "ask" if asks else "probe", **wanted})
    else:
        try:
            said = {**(probes.ask(**wanted) if asks else probes.send_probes(**wanted))}
        except RefusedError as error:
            raise FaultError(f"{probe}: {error}") from error
    return Sent(sent=said["sent"], answered=said.get("answers", {}).get(manner.value, 0))
