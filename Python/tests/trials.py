"""Trials of a tuner, without the tuner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trimtab._command import CommandTrial


class Recorded(CommandTrial):
    """A trial whose reports lie in a file."""

    def __init__(
        self, folder: Path, *, fidelity: str | None = "epoch", resource: float | None = None, reached: float = 0
    ) -> None:
        (folder / "checkpoint").mkdir(exist_ok=True)
        self.path = folder / "report"
        self.path.write_text("")
        self.stop_path = folder / "stop"
        environment = {
            "TRIMTAB_REPORT": str(self.path), "TRIMTAB_STOP": str(self.stop_path), "TRIMTAB_STUDY": "s",
            "TRIMTAB_CHECKPOINT": str(folder / "checkpoint")}
        if fidelity is not None:
            environment["TRIMTAB_FIDELITY"] = fidelity
        if resource is not None:
            environment["TRIMTAB_RESOURCE"] = str(resource)
            environment["TRIMTAB_RESOURCE_FROM"] = str(reached)
        super().__init__(environment)

    def _listen(self) -> None:
        """The tests keep their signals."""

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]
