"""The server's own time, which a test may shift."""

from __future__ import annotations

import time


class Clock:
    """Wall clock plus an offset.

    Signature checks, expiry of credentials, recovery windows and the Date header all read it, so that one
    shift moves the whole service, as a client with a wrong clock would see it.
    """

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        """Seconds since the epoch, with the offset."""
        return time.time() + self.offset_seconds
