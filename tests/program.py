"""Runs the `testbed` program as its users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(sys.executable).with_name("testbed")
WITHIN_S = 100


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)

    def refused(self) -> str:
        """Its one line on stderr; it must have ended as wrong use does, and printed no result.

        Raises:
            AssertionError: it did not.
        """
        assert (self.code, self.out) == (2, ""), self
        assert len(self.err.splitlines()) == 1, self.err
        assert "Traceback" not in self.err
        return self.err


def begin(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the program."""
    return subprocess.Popen(  # noqa: S603 - this very program, with arguments of ours
        [str(PROGRAM), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environ or {})},
    )


def end(process: subprocess.Popen[str], *, within_s: float = WITHIN_S) -> Ended:
    """Wait for a program's end, for so many seconds at most."""
    with process:
        try:
            out, err = process.communicate(timeout=within_s)
        except BaseException:
            process.kill()
            raise
    return Ended(process.returncode, out, err)


def run(*arguments: str, environ: Mapping[str, str] | None = None, within_s: float = WITHIN_S) -> Ended:
    """Run the program to its end."""
    return end(begin(*arguments, environ=environ), within_s=within_s)


def done(*arguments: str) -> Ended:
    """Run the program; it must end well.

    Raises:
        AssertionError: it did not.
    """
    ended = run(*arguments)
    assert ended.code == 0, ended
    return ended
