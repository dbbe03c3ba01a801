"""Which tests stay together when the run is shared between processes: those that share something dear.

pytest-xdist 3.8 writes its groups into an attribute that pytest 9 no longer reads, so `xdist_group` marks have no effect; what
decides here is the folder or file of a test.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling


class InGroups(LoadScopeScheduling):
    """Gives every test to whichever process is free, and the tests of a group to one."""

    def _split_scope(self, nodeid: str) -> str:
        """Give the group of a test, or its own name when it has none."""
        if nodeid.startswith("tests/browser/"):
            return "one shop and one browser"
        if nodeid.startswith("tests/journeys/test_kill.py") and (kind := re.search(r"\[(\w+)", nodeid)):
            return f"one shop to kill on {kind[1]}"
        return nodeid
