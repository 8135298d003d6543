"""What a client is given of a topology: environment variables, and placeholders in its arguments. Pure.

A placeholder is the name of a variable without TESTBED_, in lower case and braces: {portal_url}, {ca}. Other braces in
an argument are left alone.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from testbed.bed import Bed

PREFIX = "TESTBED_"

ABOUT = {
    "NAME": "name of the topology",
    "PORTAL_URL": "user page of the primary's portal: where a client begins",
    "API_URL": "root of the same portal's JSON API",
    "USER": "a user whose home is the primary",
    "PASSWORD": "the password",
    "USERS": "all users, JSON: a list of name, password, home",
    "CA": "PEM file with the authorities of all servers: trust these and no others",
    "HOSTS": "file with the servers' addresses and names, in the form of /etc/hosts; see --names",
    "DESCRIPTION": "file with what `testbed up --json` prints",
    "PRIMARY_HOST": "name of the primary's portal, as in its certificate and in redirects",
    "PRIMARY_ADDRESS": "its IPv4 address",
    "PRIMARY_PORTAL_URL": "its user page",
    "PRIMARY_CORE_URL": "the primary's core, with the redirect service at /api/v1/redirect",
    "PRIMARY_CA": "PEM file with the authority of the primary's portal alone",
    "SECONDARY_HOST": "likewise of the secondary",
    "SECONDARY_ADDRESS": "likewise",
    "SECONDARY_PORTAL_URL": "likewise",
    "SECONDARY_CORE_URL": "likewise",
    "SECONDARY_CA": "likewise",
}
"""Every variable, without its prefix, and what it holds."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
"""Variables by which programs are sent to a proxy, which knows nothing of the servers; in capitals likewise."""

TRUSTS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""Variables that name a PEM file with authorities."""


def variables(bed: Bed, folder: Path) -> dict[str, str]:
    """The variables for a client of this bed.

    Args:
        bed: the topology.
        folder: where `files` were written.
    """
    users = json.loads(json.dumps(bed.describe()["users"]))
    first = next((user for user in users if user["home"] == "primary"), users[0])
    found = {
        "NAME": bed.name,
        "PORTAL_URL": bed.primary.portal_url,
        "API_URL": bed.primary.api_url,
        "USER": first["name"],
        "PASSWORD": first["password"],
        "USERS": json.dumps(users),
        "CA": str(folder / "ca.pem"),
        "HOSTS": str(folder / "hosts"),
        "DESCRIPTION": str(folder / "topology.json"),
    }
    for server in bed.pair:
        portal = server.portal_server
        found |= {
            f"{server.name.upper()}_HOST": portal.hostname,
            f"{server.name.upper()}_ADDRESS": portal.address,
            f"{server.name.upper()}_PORTAL_URL": server.portal_url,
            f"{server.name.upper()}_CORE_URL": server.core_url,
            f"{server.name.upper()}_CA": str(portal.certificate),
        }
    return {PREFIX + name: found[name] for name in ABOUT}


def files(bed: Bed) -> dict[str, bytes]:
    """The files that variables name, by name."""
    return {
        "ca.pem": b"".join(dict.fromkeys(server.certificate.read_bytes() for server in bed.servers)),
        "hosts": hosts_with(names(bed), "").encode(),
        "topology.json": json.dumps(bed.describe(), indent=2).encode(),
    }


def names(bed: Bed) -> dict[str, str]:
    """Every server's name with its address."""
    return {server.hostname: server.address for server in bed.servers}


def hosts_with(names: Mapping[str, str], machine: str) -> str:
    """What stands in an /etc/hosts of the client's own: the servers, then what is in the machine's."""
    return "".join(f"{address} {name}\n" for name, address in names.items()) + machine


def past_proxies(names: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Variables by which a client goes to the servers straight, where the environment names a proxy."""
    if not any(environ.get(name) for proxy in PROXIES for name in (proxy, proxy.upper())):
        return {}
    known = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    direct = ",".join([*filter(None, [known]), *names, *names.values()])
    return {"no_proxy": direct, "NO_PROXY": direct}


def trusting(ca: Path) -> dict[str, str]:
    """Variables by which many programs trust an authority unasked (OpenSSL, requests, curl, Node.js)."""
    return dict.fromkeys(TRUSTS, str(ca))


def filled(arguments: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The arguments with every known placeholder replaced."""
    known = {name.removeprefix(PREFIX).lower(): value for name, value in values.items()}
    return [re.sub(r"\{([a-z_]+)\}", lambda found: known.get(found[1], found[0]), one) for one in arguments]


def help_text() -> str:
    """A line for each variable."""
    return "\n".join(f"  {PREFIX + name:<30} {about}" for name, about in ABOUT.items())
