"""A client's cookies, kept per host as browsers keep them: the port does not part them. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Cookies:
    """Host name to cookie name to value. Every server here speaks HTTPS only, so *Secure* parts nothing."""

    by_host: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def value(self, hostname: str, name: str) -> str | None:
        """One cookie of a host."""
        return self.by_host.get(hostname, {}).get(name)

    def header(self, hostname: str) -> str | None:
        """What a request to this host, and to no other, carries."""
        kept = self.by_host.get(hostname)
        return "; ".join(f"{name}={value}" for name, value in kept.items()) if kept else None

    def after(self, hostname: str, set_cookies: Iterable[str]) -> Cookies:
        """The cookies after an answer with these Set-Cookie lines; an unreadable line is ignored."""
        kept = dict(self.by_host.get(hostname, {}))
        for line in set_cookies:
            parsed: SimpleCookie = SimpleCookie()
            try:
                parsed.load(line)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                if _is_removal(morsel.value, str(morsel["max-age"]), str(morsel["expires"])):
                    kept.pop(name, None)
                else:
                    kept[name] = morsel.value
        return Cookies({**self.by_host, hostname: kept})


def _is_removal(value: str, max_age: str, expires: str) -> bool:
    """Servers end a cookie with no value, an age of nothing, or the year in which time began."""
    return not value or max_age.lstrip("-") == "0" or max_age.startswith("-") or "1970" in expires
