"""The other way to start a service: with defects planted. `python3 -m stubs.defects SERVICE`.

The environment names them, separated by blanks. A restart of the service (SIGHUP) comes this way again.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from stubs import service
from stubs.defects.catalogue import DEFECTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

VARIABLE = "TESTBED_DEFECTS"
"""Names the defects; the testbed sets it for a container that is to have some."""

log = logging.getLogger(__name__)


def main() -> None:
    """Plant what the environment names, and run the service that the first argument names."""
    program, name, *words = sys.argv
    sys.argv = [program, *words]  # what is left is the service's own
    planted = os.environ[VARIABLE].split()
    for each in planted:
        DEFECTS[each].plant()
    service.again = _again_through(service.again, name)
    module = importlib.import_module(f"stubs.{name}.__main__")
    log.warning("planted defects: %s", ", ".join(planted))
    module.main()


def _again_through(again: Callable[..., Never], name: str) -> Callable[..., Never]:
    def with_defects(_module: str, *words: str) -> Never:
        again("stubs.defects", name, *words)

    return with_defects


if __name__ == "__main__":
    main()
