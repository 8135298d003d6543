"""The images' Python libraries: fetched on the host, for the engine's architecture and the image's Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.engine.builder import last_lines
from testbed.engine.recipes import digest_of, read_package
from testbed.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Callable

MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}
"""The engine's word for an architecture, and that of wheels."""

FETCH_S = 600


def pip_arguments(machine: str, *, requirements: Path, target: Path) -> list[str]:
    """Say how pip is to unpack wheels for Debian 12's Python 3.11 on a machine, whatever runs pip.

    Args:
        machine: `x86_64` or `aarch64`.
        requirements: all pinned and hashed, dependencies included.
        target: the folder to fill.
    """
    # Debian 12 has glibc 2.36; pip takes each platform tag by its name, not as "or older".
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in (36, 35, 34, 31, 28, 17)] + [f"manylinux2014_{machine}"]
    return [
        *(
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "--no-compile",
            "--disable-pip-version-check",
        ),
        *("--only-binary=:all:", "--python-version=3.11", "--implementation=cp"),
        *("--abi=cp311", "--abi=abi3", "--abi=none"),
        *(f"--platform={platform}" for platform in platforms),
        *(f"--target={target}", f"--requirement={requirements}"),
    ]


def fetch_site(requirements: bytes, architecture: str, *, cache: Path, say: Callable[[str], None]) -> dict[str, bytes]:
    """Fetch the libraries, once per list and architecture; give their files by path under `site/`.

    Args:
        requirements: the pinned list.
        architecture: the engine's word for its own.
        cache: where fetched libraries stay; made if need be.
        say: told before anything is fetched.

    Raises:
        MissingError: no wheels for that architecture, or pip is missing or could not fetch them.
    """
    machine = MACHINES.get(architecture)
    if machine is None:
        raise MissingError(f"the engine runs on {architecture}; images can be made for amd64 and arm64 only")
    kept = cache / f"site-{machine}-{digest_of({'requirements.txt': requirements})[:12]}" / "site"
    if not kept.is_dir():
        say("fetching the images' Python libraries with pip")
        _fetch(requirements, machine, kept)
    # Programs are of no use there, and name the host's Python.
    return {path: data for path, data in read_package(kept).items() if not path.startswith("site/bin/")}


def _fetch(requirements: bytes, machine: str, kept: Path) -> None:
    kept.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent.parent, prefix="fetch-") as name:
        made = Path(name)
        (made / "requirements.txt").write_bytes(requirements)
        arguments = pip_arguments(machine, requirements=made / "requirements.txt", target=made / "whole" / "site")
        try:
            done = subprocess.run(  # noqa: S603 - our own list of arguments, no shell
                [sys.executable, "-m", "pip", *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=FETCH_S,
            )
        except subprocess.TimeoutExpired as late:
            raise MissingError(f"pip could not fetch the images' libraries within {FETCH_S} s") from late
        if done.returncode:
            hint = "; run: python -m ensurepip" if "No module named pip" in done.stderr else ""
            raise MissingError(f"pip could not fetch the images' libraries: {last_lines(done.stderr)}{hint}")
        # Complete or not there: a run that is killed leaves nothing half done.
        shutil.rmtree(kept.parent, ignore_errors=True)
        (made / "whole").rename(kept.parent)
