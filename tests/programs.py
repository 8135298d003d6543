"""The programs that some tests need: said what is missing, never passed over where everything is to be tested."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*names: str, package: str | None = None) -> None:
    """Skip the test where one of these is missing, saying what to type; fail it where CI=true.

    Args:
        names: of programs.
        package: Debian's, where it is not called as its program is.
    """
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        message = f"{' and '.join(missing)} missing; on Debian, as root: apt-get install {package or ' '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
