"""A person at a browser, with a mouse or with a keyboard alone. Acts as people do; judges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page

Hand = Literal["mouse", "keyboard"]

MOST_TABS = 60
"""More controls no page has."""

EXPECTED = (
    ("status of 401", "/api/v1/session"),
    ("status of 401", "/api/v1/admin/"),
    ("status of 409", "/api/v1/admin/session"),
)
"""Refusals that belong to logging in, which the browser puts on its console: what it says, and of which address."""

WATCH_POLICY = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy violated:", event.violatedDirective, event.blockedURI, event.sourceFile));"""


class Person:
    """Somebody at one page.

    Args:
        page: the browser's.
        hand: what they use.
    """

    def __init__(self, page: Page, hand: Hand = "mouse") -> None:
        self.page = page
        self.hand = hand
        self.complaints: list[str] = []
        self._expected = list(EXPECTED)
        page.add_init_script(WATCH_POLICY)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"script failed: {error}"))

    def expects(self, says: str, address: str) -> None:
        """From now on the browser may say this of this address, as the test breaks something on purpose."""
        self._expected.append((says, address))

    def press(self, control: Locator) -> None:
        """Use a button or a link."""
        if self.hand == "mouse":
            control.click()
        else:
            self._reach(control)
            self.page.keyboard.press("Enter")

    def tick(self, box: Locator) -> None:
        """Change a check box."""
        if self.hand == "mouse":
            box.click()
        else:
            self._reach(box)
            self.page.keyboard.press("Space")

    def write(self, field: Locator, text: str) -> None:
        """Replace what stands in a field."""
        if self.hand == "mouse":
            field.fill(text)
            return
        self._reach(field)
        if field.get_attribute("type") == "datetime-local":
            # What a keyboard does in it differs from language to language: month first here, day first there.
            field.fill(text)
            return
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)

    def log_in(self, url: str, name: str, password: str) -> None:
        """Open a page that asks for a log-in, and log in."""
        self.page.goto(url)
        self.write(self.page.get_by_label("User name"), name)
        self.write(self.page.get_by_label("Password"), password)
        self.press(self.page.get_by_role("button", name="Log in"))

    def says(self, text: str) -> Locator:
        """What the page tells of what was done; for `expect`."""
        return self.page.get_by_role("status").filter(has_text=text)

    def _reach(self, control: Locator) -> None:
        control.wait_for(state="visible")
        for _ in range(MOST_TABS):
            if control.evaluate("(element) => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {control}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        address = message.location.get("url", "")
        if not any(says in message.text and part in address for says, part in self._expected):
            self.complaints.append(f"{message.type}: {message.text} ({address})")
