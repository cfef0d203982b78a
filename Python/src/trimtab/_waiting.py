"""Waiting for a study that has nothing to do for now."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ._engine import Local
from ._errors import StuckError

if TYPE_CHECKING:
    from ._study import Study


class Patience:
    """Sleeps between two asks, longer each time, and notices when nothing can end the wait.

    That is so when every trial that runs was asked for through this study object, none is queued to be tried again, and
    this is the only thread: whoever has to tell a result is the one who waits. Another process can then only add to the
    study what a person wants of it. What other threads will tell, nobody knows.

    - longest: the longest sleep, in seconds.
    - gives_up: whether to raise ``StuckError``.
    """

    def __init__(self, study: Study, longest: float, gives_up: bool = True) -> None:
        self._study = study
        self._longest = longest
        # One of several processes that share the parent's study does not know what the others run.
        self._gives_up = gives_up and isinstance(study._transport, Local)
        self._pause = 0.0005
        self._was_stuck = False

    def wait(self) -> None:
        """Sleep once.

        Raises ``StuckError`` when the study was stuck both before and after an ask that gave nothing.
        """
        if self._gives_up and threading.active_count() == 1:
            own = self.held()
            if own and self._was_stuck:
                few = ", ".join(map(str, own[:5])) + (" and others" if len(own) > 5 else "")
                raise StuckError(
                    f"the study can give no trial before one of those that run is told, and all of them were asked for "
                    f"here, by the only thread: {few} (tell one first; to wait for what another process may add, give "
                    "ask a timeout, math.inf for one without an end)")
            self._was_stuck = bool(own)
            if own:
                return
        time.sleep(self._pause)
        self._pause = min(self._longest, self._pause * 2)

    def held(self) -> list[int]:
        """The trials that run, where all of them were asked for here and nothing is queued; else none."""
        status = self._study._transport.request("status")["status"]
        own: list[int] = status["running_here"]
        counts = status["trials"]
        return own if counts["running"] == len(own) and counts["waiting"] == 0 else []


__all__ = ["Patience"]
