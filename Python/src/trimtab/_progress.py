"""What the callbacks for training frameworks share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from ._command import CommandTrial, current_trial
from ._errors import TrialPruned

if TYPE_CHECKING:
    from ._trial import Trial

    AnyTrial = Union[Trial, CommandTrial]


class Progress:
    """Reports of a training on the way, for a trial of either kind.

    - trial: one that ``optimize`` or ``ask`` gave, or None for the one that this process was started for, if any.
    - metric: which of the measured values is the objective.
    - name: the name under which it is reported; the objective's name in the study file.
    """

    def __init__(self, trial: AnyTrial | None, metric: str | None, name: str | None = None) -> None:
        found = current_trial() if trial is None else trial
        self.trial = found
        self.metric = metric
        self.name = name or metric
        #: The value reported last: what an objective may return.
        self.value: float | None = None
        self._last: dict[str, float] = {}

    @property
    def checkpoint_dir(self) -> Path | None:
        """The folder for checkpoints, if the trial has one."""
        return self.trial.checkpoint_dir if isinstance(self.trial, CommandTrial) else None

    def checkpoint(self, name: str) -> Path | None:
        """A checkpoint that an earlier run of the trial left, if there is one."""
        folder = self.checkpoint_dir
        path = None if folder is None else folder / name
        return path if path is not None and path.exists() else None

    def report(self, step: float, metrics: Mapping[str, Any]) -> bool:
        """Report what was measured at a step; returns whether to stop.

        Raises ``TrialPruned`` where the trial belongs to an objective of this process.
        """
        values = {name: float(value) for name, value in metrics.items()}
        if self.metric is None and len(values) == 1:
            self.metric = next(iter(values))
            self.name = self.name or self.metric
        if self.metric not in values:
            raise ValueError(
                f"'{self.metric}' is not among what was measured: {', '.join(values) or 'nothing'} (say which is the "
                "objective)")
        self.value = values.pop(self.metric)
        trial = self.trial
        if not isinstance(trial, CommandTrial):
            trial.report(self.value, step)
            if trial.should_prune():
                raise TrialPruned(f"stopped at step {step}")
            return False
        self._last = {str(self.name): self.value, **values}
        if trial.fidelity is not None and step > trial.reached:
            trial.report(step, **self._last)
        return trial.should_stop() or (trial.resource is not None and step >= trial.resource)

    def finish(self) -> None:
        """Report the last values as the result, in a study without fidelity."""
        trial = self.trial
        if isinstance(trial, CommandTrial) and trial.fidelity is None and self._last and not trial.should_stop():
            trial.report(**self._last)
            self._last = {}


def replacing(path: Path) -> Path:
    """A path beside another one, to be moved there once it is complete: a killed process leaves no half file."""
    return path.with_name(f".{path.stem}.new{path.suffix}")
