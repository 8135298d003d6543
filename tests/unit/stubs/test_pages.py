"""The pages' own files: nothing in them can run what users typed, and each is served under the policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stubs.server import view
from stubs.serving import make_app
from stubs.signs import SignBoard
from stubs.wire import Site
from tests.unit.stubs.portals import Bench, ask, installed

STUBS = Path(view.__file__).parents[1]
PAGES = sorted((*STUBS.glob("portal/pages/*"), *STUBS.glob("server/pages/*")))

IN_SCRIPTS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setHTML|createContextualFragment"
)
IN_MARKUP = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", re.IGNORECASE)
FROM_ELSEWHERE = re.compile(r"""(?:src|href|action)=["']?(?:https?:)?//|@import|url\((?!"data:image/svg)""")


def test_there_are_pages_to_check() -> None:
    """A search in the wrong folder would find no offender, ever."""
    assert {"portal.js", "onexportal.html", "portal.css", "platform_view.html"} <= {path.name for path in PAGES}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_makes_no_markup_of_text_and_has_nothing_inline(path: Path) -> None:
    """Texts become text nodes; scripts and styles stand in files of their own, all from this server."""
    text = path.read_text(encoding="utf-8")
    assert not IN_SCRIPTS.search(text)
    assert not FROM_ELSEWHERE.search(text)
    if path.suffix == ".html":
        assert not IN_MARKUP.search(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (IN_SCRIPTS, "place.innerHTML = name"),
        (IN_SCRIPTS, 'eval("1")'),
        (IN_MARKUP, "<script>"),
        (IN_MARKUP, '<p style="color: red">'),
        (IN_MARKUP, '<img onerror="x()">'),
        (IN_MARKUP, "{{ name | safe }}"),
        (FROM_ELSEWHERE, '<script src="https://cdn.example/x.js">'),
        (FROM_ELSEWHERE, "url(//elsewhere/x.png)"),
    ],
)
def test_the_search_finds_a_planted_offender(pattern: re.Pattern[str], text: str) -> None:
    """In each of its forms."""
    assert pattern.search(text)


def test_every_page_is_served_under_the_policy(bench: Bench) -> None:
    """Nothing but our own files runs, text is never taken for script, and nobody frames us."""
    signs = SignBoard(installed(Site.PRIMARY).timing, ("core", "portal"))
    platform = view.build(installed(Site.PRIMARY), signs).test_client()
    portal = bench.client()
    pages = [(portal, f"/onexportal{name}.html") for name in ("", "-admin", "-afa")]
    for client, path in (*pages, (platform, "/")):
        page = ask(client, "GET", path)
        assert page.status_code == 200
        policy = page.headers["Content-Security-Policy"]
        for part in (
            "default-src 'none';",
            "script-src 'self';",
            "style-src 'self';",
            "require-trusted-types-for 'script';",
            "frame-ancestors 'none';",
        ):
            assert part in policy
        assert "unsafe" not in policy
        for name in re.findall(r'"/static/([^"]+)"', page.text):
            file = ask(client, "GET", f"/static/{name}")
            assert file.status_code == 200
            assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_scripts_and_styles_are_served_and_templates_are_not(bench: Bench) -> None:
    """Each with its type, without which a browser would refuse it."""
    served = {path.name for path in PAGES if path.parent.parent.name == "portal"}
    for name in served:
        answer = ask(bench.client(), "GET", f"/static/{name}")
        kind = {".js": "text/javascript", ".css": "text/css"}.get(Path(name).suffix)
        assert answer.status_code == (404 if kind is None else 200)
        assert kind is None or answer.mimetype == kind
    assert make_app("x").static_folder is None
