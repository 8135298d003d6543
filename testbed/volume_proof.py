"""Injects and heals the faults that lie on a server's volume, each with its proof: a full disk, slow starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbed import layout
from testbed.errors import FaultError, MisuseError
from testbed.service_proof import prove, state_of

if TYPE_CHECKING:
    from stubs.wire import ServerName
    from testbed.bed import Bed
    from testbed.faults import Target

NO_SPACE = "ENOSPC"
"""The system's word for a disk that is full."""

BEGIN_S = 10.0
"""How long a service that was let go on may take until it answers, in seconds."""


def refuse_full(bed: Bed, server: ServerName) -> None:
    """Nothing, if the disk of a server can be filled up and takes a byte now.

    Raises:
        MisuseError: the server has no small disk, or it is full already.
        FaultError: it takes nothing, for another reason.
    """
    layout.require_disk(bed.topology, server)
    if bed.volumes.is_full(server):
        raise MisuseError(f"the disk of the {server.value} is full already: heal that first")
    prove_disk(bed, server, "")


def fill(bed: Bed, server: ServerName) -> None:
    """Fill the disk of a server up; when this returns it has refused a byte.

    Raises:
        FaultError: it has not.
        EngineError: the engine failed.
    """
    bed.volumes.fill(server)
    prove_disk(bed, server, NO_SPACE)


def empty(bed: Bed, server: ServerName) -> None:
    """Give the disk of a server its room again; when this returns it has taken a byte. Raises as `fill`."""
    bed.volumes.empty(server)
    prove_disk(bed, server, "")


def prove_disk(bed: Bed, server: ServerName, expected: str) -> None:
    """The system itself must take a byte (empty), or refuse it for the right reason.

    Raises:
        FaultError: it does not.
    """
    why = bed.volumes.why_not(server)
    if why != expected:
        was, wanted = why or "taken", expected or "taken"
        raise FaultError(f"a byte for the disk of the {server.value}: {was}, where it was to be {wanted}")


def refuse_slow(bed: Bed, target: Target) -> None:
    """Nothing, if the starts of a service are as usual.

    Raises:
        MisuseError: they are slow already.
        EngineError: the engine failed.
    """
    if bed.volumes.starts(target) is not None:
        raise MisuseError(f"the starts of {target} are slow already: heal that first")


def prove_slow(bed: Bed, target: Target) -> None:
    """Every start of a service since they are slow took so much longer, by its own record, and there was one.

    Raises:
        FaultError: one did not, there was none, or the fault is gone.
    """
    starts = bed.volumes.starts(target)
    if starts is None:
        raise FaultError(f"the starts of {target} are not slow any more: somebody else healed that")
    starts.prove(target)


def swift(bed: Bed, target: Target) -> None:
    """Let a service start as usual; one that was held answers when this returns, if it runs.

    Raises:
        FaultError: the fault outlived its end.
        EngineError: the engine failed.
    """
    bed.volumes.swift(target)
    if bed.volumes.starts(target) is not None:
        raise FaultError(f"the starts of {target} are still slow")
    if state_of(bed, target) == "running":
        look = bed.inspectors[target.server].answers
        prove(f"{target} to answer", lambda: look(target.service), within_s=BEGIN_S)
