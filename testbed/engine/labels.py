"""Labels on everything that is created in the engine, by which it is found again and removed."""

from testbed.owner import this_process

_PREFIX = "portal-resilience-testbed"

RUN = f"{_PREFIX}.run"
"""The run that created it."""

OWNER = f"{_PREFIX}.owner"
"""The process of that run (`testbed.owner`): whoever cannot ask the run itself sees by it whether that still lives."""

NAME = f"{_PREFIX}.name"
"""The bed it belongs to."""

SERVER = f"{_PREFIX}.server"
"""The server of that bed: "primary", "secondary" …"""

SERVICE = f"{_PREFIX}.service"
"""The container's part in its server: "server", "core", "portal" …"""

RECORD = f"{_PREFIX}.record"
"""On the server containers: what is written down about the bed, as JSON."""

KEEP = f"{_PREFIX}.keep"
"""The bed outlives the process that made it, until it is taken down by its name; says how many containers it has."""


def of_run(run: str) -> dict[str, str]:
    """What everything that this process creates for a run carries."""
    return {RUN: run, OWNER: str(this_process())}
