"""Starts Firefox, a process and a profile for each person, and drives it over Marionette. Judges nothing.

Nothing of the user is read or changed: the profile holds preferences, a certificate database, and in the end what
Firefox made of them. An exception that a person makes holds for one port of one server, and in this profile alone.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from testbed import environment
from testbed.clients.marionette import CommandError, Marionette
from testbed.clients.nss import trust
from testbed.clients.page import PORTAL, Found, NoPictureError
from testbed.clients.steady import STEADY
from testbed.errors import EngineError
from testbed.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

STARTS_WITHIN_S = 120.0
"""Bound for a start, in seconds: it steps back behind everything else on the machine."""

REVEALS_WITHIN_S = 20.0
"""Bound for the button by which a person goes on; Firefox withholds it for a second, for people to read."""

PREFERENCES: Mapping[str, bool | int | str] = {
    "marionette.port": 0,  # any that is free
    "network.dns.native-is-localhost": True,  # who is not named here is sought on this machine, not in the world
    "network.dns.native_https_query": False,
    "network.trr.mode": 5,  # no DNS over HTTPS
    "network.proxy.type": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.manage-offline-status": False,
    "network.notify.changed": False,  # containers come and go
    "security.certerrors.mitm.priming.enabled": False,
    "security.OCSP.enabled": 0,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.unified": False,
    "toolkit.telemetry.enabled": False,
    "browser.startup.page": 0,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.newtabpage.enabled": False,
    "signon.rememberSignons": False,
    "dom.ipc.processPrelaunch.enabled": False,
}

ARGUMENTS = ("--headless", "--no-remote", "--marionette", "-remote-allow-system-access")
"""The last one lets scripts ask the browser itself, which alone can be told of names."""

SAID = "said.log"
"""The file in the profile with what Firefox prints."""

NAMES = """
const names = Cc["@mozilla.org/network/native-dns-override;1"].getService(Ci.nsINativeDNSResolverOverride);
for (const [host, address] of arguments[0]) names.addIPOverride(host, address);
"""

LOOK = (
    PORTAL
    + """
  // Who goes on in spite of a certificate gets another document with the time of the one before.
  page.document = (document.testbed ??= Math.random());
  const [, kind] = document.documentURI.match(/^about:(cert|net)error/) ?? [];
  if (!kind) return page;
  const own = document.querySelector("net-error-card")?.shadowRoot ?? document;
  page.says = (own.querySelector("#error-intro") ?? document.body)?.textContent.trim() ?? "";
  if (kind === "net") {
    const error = new URLSearchParams(document.documentURI.split("?")[1]).get("e");
    return { ...page, of: "network", error };
  }
  const { errorCodeString, errorIsOverridable } = document.getFailedCertSecurityInfo();
  return { ...page, of: "certificate", error: errorCodeString, passable: errorIsOverridable };
"""
)

FIELD = """return [...document.querySelectorAll("label")].find((label) => label.textContent.trim() === arguments[0])
  ?.control ?? null"""

BUTTON = """return [...document.querySelectorAll("button")]
  .find((button) => button.textContent.trim() === arguments[0] && button.checkVisibility()) ?? null"""

PRESS = """const button = document.querySelector("net-error-card")?.shadowRoot.querySelector(arguments[0]);
if (!button || button.disabled) return false;
button.click();
return true;"""
"""A button of Firefox's own pages, which are one element with a tree of its own; whether it was there to be pressed."""

UNFOLDED = """return !!document.querySelector("net-error-card")?.shadowRoot.querySelector("#errorCode")"""

PAINTED = """const painted = arguments[arguments.length - 1];
const own = document.querySelector("net-error-card");
Promise.all([document.l10n?.ready, own?.updateComplete, document.fonts.ready]).finally(
  () => requestAnimationFrame(() => requestAnimationFrame(() => painted(true))));"""
"""Firefox writes its own pages piece by piece: what is there may not be painted yet."""

_GONE = {"no such window", "invalid session id"}
_NO_PICTURE = "unknown error", "Unable to capture screenshot"
"""What Firefox says, code and words, while it leaves a page for another."""
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class FirefoxPage:
    """A page of Firefox, in the words of `testbed.clients.page.Page`.

    Attributes:
        browser: the connection, for commands that have no word here.
    """

    def __init__(self, browser: Marionette) -> None:
        self.browser = browser

    @property
    def raw(self) -> FirefoxPage:
        """The page itself; `script` and `browser` do what the words here do not."""
        return self

    def script(self, text: str, *arguments: Any) -> Any:
        """Run the body of a function in the page; what it returns."""
        return self.browser.call("WebDriver:ExecuteScript", script=text, args=list(arguments))

    def look(self) -> Found | None:
        """What is found on it now; `None` between two documents."""
        try:
            found = self.script(LOOK)
        except CommandError as error:
            if error.code in _GONE:
                raise
            return None
        return Found(**found) if found else None  # a script that a navigation ends has no value

    def open(self, url: str) -> None:
        """Type an address; returns at once, as the session was begun with no strategy of waiting."""
        self.browser.call("WebDriver:Navigate", url=url)

    def fill(self, label: str, text: str) -> None:
        """Write into the field of this label."""
        field = self._one(FIELD, label)
        self.browser.call("WebDriver:ElementClear", id=field)
        self.browser.call("WebDriver:ElementSendKeys", id=field, text=text)

    def press(self, button: str) -> None:
        """Press the button of this name."""
        self.browser.call("WebDriver:ElementClick", id=self._one(BUTTON, button))

    def proceed(self) -> None:
        """Unfold what Firefox has to say, wait until it lets a person go on, and go on."""
        if not self.script(UNFOLDED):
            self._press_own("#advanced-button")
        self._press_own("#exception-button")

    def go_back(self) -> None:
        """Leave the question that Firefox asks."""
        self._press_own("#returnButton")

    def screenshot(self) -> bytes:
        """A picture of it (PNG)."""
        try:
            self.browser.call("WebDriver:ExecuteAsyncScript", script=PAINTED, args=[])
        except CommandError as error:
            if error.code in _GONE:
                raise
            # It left meanwhile for another page, and of that a picture is taken.
        try:
            return base64.b64decode(self.browser.call("WebDriver:TakeScreenshot", full=False, hash=False))
        except CommandError as error:
            if error.code == _NO_PICTURE[0] and _NO_PICTURE[1] in str(error):
                raise NoPictureError(str(error)) from error
            raise

    def _press_own(self, selector: str) -> None:
        what = f"Firefox to offer {selector}"
        wait_until(lambda: self.script(PRESS, selector), bool, within_s=REVEALS_WITHIN_S, what=what, every_s=0.05)

    def _one(self, finds: str, name: str) -> str:
        found = self.script(finds, name)
        if not found:
            raise EngineError(f"the page has no {name!r} to use")
        return str(found[_ELEMENT])


class Firefox:
    """Makes pages of Firefox.

    Args:
        folder: for the profiles.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    @contextlib.contextmanager
    def page(self, names: Mapping[str, str], *, anchors: Sequence[Path]) -> Iterator[FirefoxPage]:
        """An empty page of somebody new; the browser ends with the context.

        Raises:
            MissingError: Firefox or certutil is not there; says how to get it.
            EngineError: it did not start, or a file holds no certificate.
        """
        program = environment.needed_firefox()
        self._count += 1
        profile = self._folder / f"profile-{self._count}"
        profile.mkdir(parents=True)
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, profile, ignore_errors=True)
            if anchors:
                trust(profile, anchors)
            lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
            (profile / "user.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
            browser = stack.enter_context(Marionette(stack.enter_context(_running(program, profile))))
            browser.call("WebDriver:NewSession", acceptInsecureCerts=False, pageLoadStrategy="none")
            browser.call("Marionette:SetContext", value="chrome")
            browser.call("WebDriver:ExecuteScript", script=NAMES, args=[list(names.items())])
            browser.call("Marionette:SetContext", value="content")
            yield FirefoxPage(browser)


@contextlib.contextmanager
def _running(program: str, profile: Path) -> Iterator[int]:
    """Run Firefox; yields the port at which it takes commands. It ends with us, however we end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOZ_", "XDG_", "DBUS_"))}
    with (profile / SAID).open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own list, no shell
            [sys.executable, str(STEADY), program, *ARGUMENTS, "--profile", str(profile)],
            env={**kept, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # so that it ends as a group, and no Ctrl-C but ours ends it
        )
    try:
        yield wait_until(
            lambda: _port(program, process, profile),
            bool,
            within_s=STARTS_WITHIN_S,
            what="Firefox to start",
            every_s=0.05,
        )
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _port(program: str, process: subprocess.Popen[bytes], profile: Path) -> int:
    """The port at which Firefox takes commands; 0 as long as there is none.

    Raises:
        EngineError: it has ended.
    """
    ended = process.poll()
    if ended is not None:
        words = (profile / SAID).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = words[-1] if words else "it said nothing"
        raise EngineError(
            f"{program} does not start as Firefox (TESTBED_FIREFOX names another): exit code {ended}, {last}"
        )
    try:
        return int((profile / "MarionetteActivePort").read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there yet, or being written
        return 0
