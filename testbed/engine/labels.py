"""Labels on everything that is created in the engine, by which it is found again and removed. Names only."""

_PREFIX = "portal-resilience-testbed"

RUN = f"{_PREFIX}.run"
"""The run that created it."""

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
