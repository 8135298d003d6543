"""Certificate databases (NSS), by which browsers are told whom to trust. Judges nothing."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from testbed.errors import EngineError, MissingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CERTUTIL_BY_HAND = "apt-get install --no-install-recommends libnss3-tools"


def trust(database: Path, anchors: Sequence[Path]) -> None:
    """Make a certificate database that holds these authorities.

    Args:
        database: a folder, made if it is not there.
        anchors: files (PEM), one authority in each.

    Raises:
        MissingError: certutil is not there.
        EngineError: a file holds no certificate.
    """
    certutil = shutil.which("certutil")
    if certutil is None:
        raise MissingError(f"certutil is missing, by which browsers are told whom to trust: {CERTUTIL_BY_HAND}")
    database.mkdir(parents=True, exist_ok=True)
    steps = [["-N", "--empty-password"]]
    steps += [["-A", "-t", "C,,", "-n", f"anchor {number}", "-i", str(one)] for number, one in enumerate(anchors)]
    for step in steps:
        done = subprocess.run(  # noqa: S603 - our own list, no shell
            [certutil, "-d", f"sql:{database}", *step], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise EngineError(f"certutil {' '.join(step)}: {done.stderr.strip()}")
