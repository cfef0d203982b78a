"""What the callbacks for training frameworks share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, cast

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
            # What a bound is on counts, and the cost; a report of all that frameworks measure would be slower.
            wanted = {name: value for name, value in values.items() if name in trial.study._wanted}
            trial.report(self.value, step, metrics=wanted or None)
            if trial.should_prune():
                raise TrialPruned(f"stopped at step {step}")
            return False
        self._last = {str(self.name): self.value, **values}
        if trial.fidelity is not None and step > trial.reached:
            cast(CommandTrial, trial).report(step, **self._last)
        return trial.should_stop() or (trial.resource is not None and step >= trial.resource)

    def finish(self) -> None:
        """Report the last values as the result, in a study without fidelity."""
        trial = self.trial
        if isinstance(trial, CommandTrial) and trial.fidelity is None and self._last and not trial.should_stop():
            cast(CommandTrial, trial).report(**self._last)
            self._last = {}


def replacing(path: Path) -> Path:
    """A path beside another one, to be moved there once it is complete: a killed process leaves no half file."""
    return path.with_name(f".{path.stem}.new{path.suffix}")


class CallbackState:
    """The attributes that the callbacks share beside their framework's base class."""

    _progress: Progress
    #: The name of the checkpoint file, of callbacks that write one.
    _file: str

    @property
    def value(self) -> float | None:
        """The objective as it was reported last."""
        return self._progress.value

    @property
    def checkpoint(self) -> str | None:
        """What an earlier run of the trial left, for the framework to go on from."""
        path = self._progress.checkpoint(self._file)
        return None if path is None else str(path)

    def _save(self, write: Callable[[Path], object], *, moves: bool = True) -> None:
        """Let ``write`` make the checkpoint at a path, if the trial keeps any, and move it to its place.

        - moves: whether this process does so, of several that write together.
        """
        folder = self._progress.checkpoint_dir
        if folder is None:
            return
        path = replacing(folder / self._file)
        write(path)
        if moves:
            os.replace(path, folder / self._file)


class BoostingState(CallbackState):
    """The same for boosting: a report after every so many rounds, and at the trial's last."""

    def __init__(self, file: str, trial: AnyTrial | None, metric: str | None, name: str | None, every: int) -> None:
        super().__init__()
        self._progress = Progress(trial, metric, name)
        self._file = file
        self._every = every

    def _counts(self, rounds: int) -> bool:
        return rounds % self._every == 0 or rounds == self._progress.trial.resource


class PruningState(CallbackState):
    """The same for trainers that an exception must not leave halfway."""

    _pruned: TrialPruned | None = None

    def raise_if_pruned(self) -> None:
        """Raise ``TrialPruned`` where the trial was pruned."""
        if self._pruned is not None:
            raise self._pruned

    def _report(self, step: float, metrics: Mapping[str, Any]) -> bool:
        """Report, and return whether to stop; ``TrialPruned`` is kept for ``raise_if_pruned``."""
        try:
            return self._progress.report(step, metrics)
        except TrialPruned as pruned:
            self._pruned = pruned
            return True
