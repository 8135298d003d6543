"""The debian layer, made in one of two ways, and the choice between them.

`registry`: Debian's slim image from a registry, plus our list of packages. `packages`: the same packages and
no image at all, put together by mmdebstrap and imported, which takes about half a minute and no registry.
Both hold Debian 12's Python and libraries, so everything above is the same.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, assert_never, get_args

from testbed.engine.builder import build, engine_calls, last_lines
from testbed.engine.recipes import ORIGIN_LABEL, ROLE_LABEL, Recipe, names_in
from testbed.errors import EngineError, MissingError, MisuseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import docker

Origin = Literal["registry", "packages"]
Base = Literal["auto", "registry", "packages"]
Say = Callable[[str], None]

REGISTRY_IMAGE = "debian:bookworm-slim"
REGISTRY_WITHIN_S = 4.0
"""So long a registry may take to answer: what asking costs at most where none is reached."""

MMDEBSTRAP_WITHIN_S = 900
TOOL_PACKAGES = ("mmdebstrap", "debian-archive-keyring")
BY_HAND = "apt-get install --no-install-recommends " + " ".join(TOOL_PACKAGES)

# usrmerge, which Debian's own tools would choose, pulls in all of perl: a third of the image.
WITHOUT_USRMERGE = (
    'mkdir -p "$1/etc/apt/preferences.d" && '
    "printf 'Package: usrmerge\\nPin: release *\\nPin-Priority: -1\\n' "
    '>"$1/etc/apt/preferences.d/no-usrmerge"'
)
UNUSED_FILES = ("doc", "info", "locale", "man")
UNUSED_STATE = 'cd "$1" && rm -rf var/lib/apt var/cache/apt var/cache/debconf etc/apt/preferences.d/no-usrmerge'
MMDEBSTRAP_OPTIONS = (
    "--variant=essential",
    "--format=tar",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    f"--setup-hook={WITHOUT_USRMERGE}",
    '--aptopt=Acquire::Languages "none"',
    *(f"--dpkgopt=path-exclude=/usr/share/{unused}/*" for unused in UNUSED_FILES),
    f"--customize-hook={UNUSED_STATE}",
)


@dataclass(frozen=True)
class Choice:
    """A way, and the line that says why."""

    way: Origin
    line: str


def base_named(name: str | None) -> Base:
    """Read a way from the environment or the command line; nothing and the empty text mean `auto`.

    Raises:
        MisuseError: there is no such way.
    """
    for base in get_args(Base):
        if (name or "auto") == base:
            known: Base = base
            return known
    raise MisuseError(f"base {name!r} is not known; choose one of: {', '.join(get_args(Base))}")


def choose(wanted: Base, registry_failure: Callable[[], str | None]) -> Choice:
    """Choose how to make the debian layer.

    Args:
        wanted: a way, or `auto`.
        registry_failure: asks a registry; nothing if it answers, else why it does not. Only `auto` calls it.
    """
    match wanted:
        case "registry":
            return Choice("registry", f"debian layer: from {REGISTRY_IMAGE}, as asked")
        case "packages":
            return Choice("packages", "debian layer: from Debian packages, as asked (about 30 s)")
        case "auto":
            failure = registry_failure()
            if failure is None:
                return Choice("registry", f"debian layer: from {REGISTRY_IMAGE}, as a registry answers")
            return Choice("packages", f"debian layer: from Debian packages (about 30 s), as {failure}")
        case _:
            assert_never(wanted)


def registry_failure(client: docker.DockerClient, *, within_s: float = REGISTRY_WITHIN_S) -> str | None:
    """Ask, through the engine, whether a registry has Debian's image; nothing if so, else why not.

    Args:
        client: the engine.
        within_s: bound in seconds, whatever the engine's own limits.
    """
    answer: list[str | None] = []

    def ask() -> None:
        try:
            with engine_calls("asking a registry"):
                client.images.get_registry_data(REGISTRY_IMAGE)
        except (MissingError, EngineError):
            answer.append("no registry answers")
        else:
            answer.append(None)

    # A thread, since the limit of a call belongs to the whole client, which others may be using.
    asking = threading.Thread(target=ask, name="ask-registry", daemon=True)
    asking.start()
    asking.join(within_s)
    return answer[0] if answer else f"no registry answered within {within_s:g} s"


def make_debian(client: docker.DockerClient, recipe: Recipe, way: Origin, *, architecture: str, say: Say) -> None:
    """Make the debian layer and tag it.

    Args:
        client: the engine.
        recipe: what goes into it.
        way: how.
        architecture: the engine's word for its own, which is Debian's.
        say: told before anything is installed on the host.

    Raises:
        MissingError: a tool is missing, or the engine does not answer.
        EngineError: a build or an import failed.
    """
    match way:
        case "registry":
            try:
                build(client, "debian", recipe.files, tag=recipe.tag, origin=way)
            except EngineError as failed:
                raise EngineError(f"{failed}; a way without a registry: TESTBED_BASE=packages") from failed
        case "packages":
            get_mmdebstrap(say)
            include = names_in(recipe.files["packages.txt"].decode())
            _import_packages(client, recipe, mmdebstrap_arguments(include, architecture))
        case _:
            assert_never(way)


def mmdebstrap_arguments(packages: Sequence[str], architecture: str) -> list[str]:
    """Say how a root file system is made of packages: tar on standard output, without the host's sources."""
    include = ",".join((*packages, "usr-is-merged"))
    return [*MMDEBSTRAP_OPTIONS, f"--include={include}", f"--architectures={architecture}", "bookworm", "-"]


def way_to_tool(*, present: bool, root: bool, os_release: Mapping[str, str]) -> Literal["use", "install"]:
    """Choose how to come by mmdebstrap.

    Args:
        present: it is installed.
        root: whether we may install it.
        os_release: what this system says of itself.

    Raises:
        MissingError: it has to be installed by hand; says how.
    """
    if present:
        return "use"
    debian_like = "debian" in (os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split())
    if root and debian_like:
        return "install"
    where = "as root" if debian_like else "on a Debian machine, as root, or give the engine a registry"
    raise MissingError(f"without a registry, images are made by mmdebstrap, which is missing; {where}: {BY_HAND}")


def get_mmdebstrap(say: Say) -> None:
    """Make sure that mmdebstrap is there; as root on Debian install it, after saying so.

    Raises:
        MissingError: it is missing and could not be installed.
    """
    present = shutil.which("mmdebstrap") is not None
    if way_to_tool(present=present, root=os.geteuid() == 0, os_release=_os_release()) == "use":
        return
    say(f"installing what is missing: {BY_HAND}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qy", "--no-install-recommends", *TOOL_PACKAGES]
    for command in (["apt-get", "update", "-q"], install):
        done = subprocess.run(  # noqa: S603 - our own list of arguments, no shell
            command, check=False, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        # A list that cannot be renewed may still do; what counts is whether the install works.
        if done.returncode and command is install:
            raise MissingError(f"could not install mmdebstrap: {last_lines(done.stderr)}; by hand: {BY_HAND}")


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _import_packages(client: docker.DockerClient, recipe: Recipe, arguments: list[str]) -> None:
    labels = [f"LABEL {ROLE_LABEL}=debian", f"LABEL {ORIGIN_LABEL}=packages"]
    with tempfile.TemporaryFile("w+") as log, _running(["mmdebstrap", *arguments], log) as process:
        with engine_calls("importing the debian layer"):
            answer = client.api.import_image(src=process.stdout, changes=labels, stream_src=True)
        failed = process.wait()
        log.seek(0)
        said = log.read()
        if failed:
            raise EngineError(f"mmdebstrap failed ({failed}): {last_lines(said)}")
    # Tagged only now: what a failed run had written so far is an image too.
    with engine_calls("tagging the debian layer"):
        repository, _, tag = recipe.tag.rpartition(":")
        client.images.get(imported_id(answer)).tag(repository, tag)


def imported_id(answer: str) -> str:
    """Find the image's id in the engine's answer to an import.

    Raises:
        EngineError: it names none.
    """
    _, found, rest = answer.partition("sha256:")
    if not found:
        raise EngineError(f"importing the debian layer: {last_lines(answer)}")
    return "sha256:" + rest[:64]


@contextmanager
def _running(command: list[str], log: IO[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program beside us; end it, and what it started, when time or patience is up."""
    environment: dict[str, Any] = {**os.environ, "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(  # noqa: S603 - our own list of arguments, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
        start_new_session=True,
    ) as process:

        def end() -> None:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)

        watchdog = threading.Timer(MMDEBSTRAP_WITHIN_S, end)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            end()
