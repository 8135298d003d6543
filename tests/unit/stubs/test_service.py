"""A service whose thread fails ends as a whole."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import threading
from stubs import service
service.prepare("core")
def fail():
    raise RuntimeError("broken")
threading.Thread(target=fail, name="reactor").start()
threading.Event().wait(20)
"""


def test_a_service_with_a_failed_thread_ends_and_says_why() -> None:
    """Half a service would look well to everybody."""
    command = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)  # noqa: S603 - of ours
    assert ended.returncode == 70
    assert "thread reactor failed" in ended.stderr
    assert "RuntimeError: broken" in ended.stderr
