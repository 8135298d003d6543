"""What all unit tests share."""

from __future__ import annotations

from stubs import patience

# A server notices `stop` when its selector next wakes: in a test, soon.
patience.Server.expiration_interval = 0.02
