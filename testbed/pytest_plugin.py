"""The pytest plugin: fixtures that give a bed and its clients, markers that name rules, a report of verdicts.

    @pytest.mark.rule("ROLE-2")                        which rules a test shows; their verdicts come from it
    @pytest.mark.topology(certificates="common-ca")    the topology that it needs, where not the default
    @pytest.mark.topology(defects=["clients:prompts-without-end"])     and what is wrong in it on purpose

The engine is not touched until a test asks for a bed. With pytest-xdist each worker has beds and a history of its own;
the report is one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import platform
import shutil
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.errors import MisuseError
from testbed.history import History
from testbed.outcomes import RULE, Outcomes
from testbed.report.text import table
from testbed.report.verdicts import Run
from testbed.report.write import write_report
from testbed.rules import rule
from testbed.session import BedSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbed.bed import Bed
    from testbed.clients.browser import BrowserClient
    from testbed.clients.chromium import Browsers
    from testbed.clients.firefox import Firefox
    from testbed.clients.kinds import CallAssistant, OutlookPlugin, WebClient
    from testbed.clients.world import World
    from testbed.nemesis import Nemesis
    from testbed.recording.watch import Watch

REPORT_FILES = (
    *("index.html", "verdicts.json", "junit.xml", "history*.jsonl", "logs", "screens"),
    *("certificates.html", "certificates.json", "crowd.html", "crowd.json"),
)
"""What a report folder holds, as patterns; nothing else in it is touched."""

_OUTCOMES = pytest.StashKey[Outcomes]()
_PLANTED = pytest.StashKey[tuple[str, ...]]()
_STARTED = pytest.StashKey[tuple[str, float]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the testbed's options."""
    group = parser.getgroup("testbed", "portal resilience testbed")
    group.addoption("--testbed-report", metavar="DIR", help="write a report with a verdict per rule into this folder")
    group.addoption("--testbed-keep", action="store_true", help="leave the topologies running at the end")
    group.addoption(
        "--testbed-defect",
        metavar="PLACE:NAME",
        action="append",
        default=[],
        help="plant one of `testbed defects` in every topology",
    )
    group.addoption("--testbed-seed", type=int, default=0, metavar="S", help="seed of whatever is drawn by chance")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; prepare the report folder before pytest's own reports are opened."""
    config.addinivalue_line("markers", "rule(*ids): the rules that this test shows")
    config.addinivalue_line("markers", "topology(**fields): the topology that this test needs")
    config.stash[_OUTCOMES] = Outcomes()
    config.stash[_STARTED] = (dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), time.monotonic())
    folder = _report_folder(config)
    if folder is not None and _worker(config) is None:
        for path in [path for name in REPORT_FILES for path in folder.glob(name)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        if not config.getoption("xmlpath", None):
            config.option.xmlpath = str(folder / "junit.xml")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Note which rules a test names; one that does not exist is an error before anything runs."""
    for identity in [identity for mark in item.iter_markers("rule") for identity in mark.args]:
        try:
            item.user_properties.append((RULE, rule(identity).id))
        except MisuseError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from error


class _Collector:
    """Takes pytest's reports in; a plugin object, as the hook is not given the config."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._outcomes.take(report)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to collect outcomes."""
    session.config.pluginmanager.register(_Collector(session.config.stash[_OUTCOMES]), "testbed-collector")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print a verdict per rule and write the report, if any test named a rule."""
    outcomes = config.stash[_OUTCOMES].all
    if not any(outcome.rules for outcome in outcomes):
        return
    started_at, began = config.stash[_STARTED]
    run = Run(outcomes=outcomes, started_at=started_at, seconds=time.monotonic() - began, facts=_facts(config))
    terminalreporter.write_sep("=", "rules")
    terminalreporter.write_line(table(run))
    for planted in config.stash.get(_PLANTED, ()):
        terminalreporter.write_line(f"planted defect: {planted}")
    folder = _report_folder(config)
    if folder is not None:
        page = write_report(folder, run)
        terminalreporter.write_line(f"report: {page}")


def _report_folder(config: pytest.Config) -> Path | None:
    text = config.getoption("testbed_report")
    return Path(text) if text else None


def _worker(config: pytest.Config) -> str | None:
    """The name of this process among those of pytest-xdist; `None`: it is alone, or leads them."""
    return getattr(config, "workerinput", {}).get("workerid")


def _facts(config: pytest.Config) -> dict[str, str]:
    planted = config.stash.get(_PLANTED, ())
    return {
        **({"planted defects": ", ".join(planted)} if planted else {}),
        "version": metadata.version("portal-resilience-testbed"),
        "seed": str(config.getoption("testbed_seed")),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


@pytest.fixture(scope="session")
def testbed_session(request: pytest.FixtureRequest) -> Iterator[BedSession]:
    """The beds of this session."""
    config = request.config
    reporter = config.pluginmanager.getplugin("terminalreporter")
    say = reporter.write_line if reporter is not None else print
    with BedSession(say=say, keep=bool(config.getoption("testbed_keep"))) as session:
        yield session
        config.stash[_PLANTED] = tuple(sorted(session.planted))
        folder = _report_folder(config)
        if folder is not None:
            session.save_logs(folder / "logs")


@pytest.fixture(scope="session")
def session_history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """The one file of the session, or of a worker; a test takes `history`, which tells where it begins and ends."""
    folder = _report_folder(request.config) or tmp_path_factory.mktemp("testbed")
    worker = _worker(request.config)
    with History(folder / ("history.jsonl" if worker is None else f"history-{worker}.jsonl")) as history:
        yield history


@pytest.fixture
def history(request: pytest.FixtureRequest, session_history: History) -> Iterator[History]:
    """What happened, as JSON lines; one file for the session, in which each test begins and ends with a line."""
    session_history.record("test", nodeid=request.node.nodeid, state="begins")
    yield session_history
    session_history.record("test", nodeid=request.node.nodeid, state="ends")


@pytest.fixture
def bed(request: pytest.FixtureRequest, testbed_session: BedSession) -> Bed:
    """A topology that is in normal running and holds no data: fresh, or reset."""
    fields: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("topology"))):
        fields.update(mark.kwargs)
    planted = request.config.getoption("testbed_defect")
    return testbed_session.bed({**fields, "defects": (*fields.get("defects", ()), *planted)} if planted else fields)


@pytest.fixture
def nemesis(bed: Bed, history: History) -> Iterator[Nemesis]:
    """Injects faults into the bed; heals what the test left when it ends."""
    from testbed.nemesis import Nemesis  # noqa: PLC0415 - the engine's modules load only where they are needed

    nemesis = Nemesis(bed, history)
    yield nemesis
    nemesis.heal_all()


@pytest.fixture
def watch(bed: Bed, history: History) -> Watch:
    """What the servers see of clients from now on (CERT-6, CLIENT-4)."""
    from testbed.recording.watch import Watch  # noqa: PLC0415 - as above

    return Watch(bed.inspectors, {server.name: bed.installed(server.server) for server in bed.servers}, history)


@pytest.fixture
def client_world(bed: Bed, history: History) -> World:
    """What every client of the bed is given."""
    from testbed.clients.kinds import world_of  # noqa: PLC0415 - as above
    from testbed.defects import of_clients  # noqa: PLC0415 - as above

    wrong = of_clients(bed.topology)
    return world_of(bed.servers, time_scale=bed.topology.time_scale, history=history, defects=wrong)


@pytest.fixture
def passwords(bed: Bed) -> dict[str, str]:
    """The users of the bed and their passwords."""
    return {user.name: user.password for user in bed.topology.users}


@pytest.fixture
def web_client(client_world: World, passwords: dict[str, str]) -> WebClient:
    """Makes web users (CLIENT-1)."""
    from testbed.clients.kinds import WebClient  # noqa: PLC0415 - as above

    return WebClient(client_world, users=passwords)


@pytest.fixture
def outlook_plugin(client_world: World, passwords: dict[str, str]) -> OutlookPlugin:
    """Makes users of the Outlook plug-in (CLIENT-2)."""
    from testbed.clients.kinds import OutlookPlugin  # noqa: PLC0415 - as above

    return OutlookPlugin(client_world, users=passwords)


@pytest.fixture
def call_assistant(client_world: World, passwords: dict[str, str]) -> CallAssistant:
    """Makes users of Call Assistant (CLIENT-3)."""
    from testbed.clients.kinds import CallAssistant  # noqa: PLC0415 - as above

    return CallAssistant(client_world, users=passwords)


@pytest.fixture(scope="session")
def testbed_browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    """The Chromiums of this session, none of which runs yet."""
    from testbed.clients.chromium import Browsers  # noqa: PLC0415 - as above

    with Browsers(tmp_path_factory.mktemp("chromium")) as browsers:
        yield browsers


@pytest.fixture(scope="session")
def testbed_firefox(tmp_path_factory: pytest.TempPathFactory) -> Firefox:
    """Makes pages of Firefox, each in a browser of its own."""
    from testbed.clients.firefox import Firefox  # noqa: PLC0415 - as above

    return Firefox(tmp_path_factory.mktemp("firefox"))


@pytest.fixture
def testbed_screens(request: pytest.FixtureRequest) -> Path | None:
    """Where pictures of screens go: into the report, if there is one."""
    report = _report_folder(request.config)
    return report / "screens" if report else None


@pytest.fixture
def browser_client(  # noqa: PLR0913, PLR0917 - fixtures
    request: pytest.FixtureRequest,
    client_world: World,
    testbed_browsers: Browsers,
    testbed_firefox: Firefox,
    passwords: dict[str, str],
    testbed_screens: Path | None,
) -> Iterator[BrowserClient]:
    """Makes web users at a real Chromium or Firefox (CLIENT-1); a picture of each screen goes into the report."""
    from testbed.clients.browser import BrowserClient  # noqa: PLC0415 - as above

    with contextlib.ExitStack() as stack:
        yield BrowserClient(
            client_world,
            {"chromium": testbed_browsers, "firefox": testbed_firefox},
            users=passwords,
            stack=stack,
            pictures=testbed_screens,
            story=request.node.name.removeprefix("test_"),
        )
