"""What is wrong with a page for people who see, hear or use it in another way: in words, with the place. No waiting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.person import MOST_TABS

if TYPE_CHECKING:
    from playwright.sync_api import Page

AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")

CONTROLS = """() => {
  const scope = document.querySelector("dialog[open]") ?? document.body;
  window.controls = [...scope.querySelectorAll("a[href], button, input, select, textarea")].filter((one) =>
    !one.disabled && one.checkVisibility({ visibilityProperty: true }));
  document.activeElement.blur();
  return controls.map((one) => one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent);
}"""

WHERE = """() => {
  const style = getComputedStyle(document.activeElement);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return [controls.indexOf(document.activeElement), seen];
}"""


def offences(page: Page) -> list[str]:
    """Everything wrong with the page as it stands."""
    found: list[Any] = page.evaluate(AUDIT)
    return [f"{where}: {what}" for what, where in found] + _keyboard(page)


def _keyboard(page: Page) -> list[str]:
    """Controls that the Tab key does not reach, and those that do not show that it has."""
    names: list[str] = page.evaluate(CONTROLS)
    missing, unseen = set(range(len(names))), set()
    for _ in range(MOST_TABS):
        if not missing:
            break
        page.keyboard.press("Tab")
        place, seen = page.evaluate(WHERE)
        missing.discard(place)
        if place >= 0 and not seen:
            unseen.add(place)
    return [f"{names[one]}: the Tab key does not reach it" for one in sorted(missing)] + [
        f"{names[one]}: does not show that it has the focus" for one in sorted(unseen)
    ]
