"""As the correct client, but it does not look at how long a certificate is good for."""

from __future__ import annotations

from tests.conform.clients import correct
from tests.conform.clients.portal import trust_any_date

if __name__ == "__main__":
    trust_any_date()
    correct.main()
