"""Where an address leads. Pure: text in, text out."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

PORTAL_PAGE = "/onexportal.html"
API = "/api/v1"


def host_of(page: str) -> str:
    """The host name of an address."""
    return urlsplit(page).hostname or ""


def api_of(page: str, path: str) -> str:
    """An address of the API of the portal whose page this is."""
    return urljoin(page, f"{API}{path}")


def target_of(asked: str, location: object) -> str | None:
    """Where a redirect leads.

    Args:
        asked: the address whose answer redirects.
        location: what the server named, relative or absolute.

    Returns:
        An absolute HTTPS address; None for anything that is not one.
    """
    if not isinstance(location, str) or not location:
        return None
    try:
        target = urljoin(asked, location)
        parts = urlsplit(target)
        sound = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return target if sound else None


def portal_page_of(asked: str, location: object) -> str | None:
    """The portal page of the server that a redirect of the API names: what a browser goes to then."""
    target = target_of(asked, location)
    return None if target is None else urljoin(target, PORTAL_PAGE)
