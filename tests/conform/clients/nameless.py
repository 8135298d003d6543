"""As the correct client, but it takes a certificate for whatever host it is, as long as its authority is known."""

from __future__ import annotations

from tests.conform.clients import correct
from tests.conform.clients.portal import trust_any_host

if __name__ == "__main__":
    trust_any_host()
    correct.main()
