"""The pruner."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.pruners import BasePruner
from optuna.study import Study as OptunaStudy
from optuna.trial import FrozenTrial as OptunaTrial
from optuna.trial import TrialState

from .._create import _part
from .._engine import PROCEED
from .._trial import Trial
from ._mirrors import Mirror, Mirrors


class _PrunerMirror(Mirror):
    def __init__(self, study: OptunaStudy, scheduler: Any, minimum: int, maximum: int) -> None:
        super().__init__(
            {
                "study": "optuna", "grows": True, "seed": 0, "retries": {"failed": 0, "lost": 0},
                "objective": {"metric": "value", "goal": study.direction.name.lower()},
                "fidelity": {"name": "step", "min": minimum, "max": maximum},
                "method": {"sampler": "random", "scheduler": scheduler},
            }, study)
        self._maximum = maximum
        # The greatest step that the engine knows, and its latest verdict, of trials that run.
        self._steps: dict[int, int] = {}
        self._verdicts: dict[int, int] = {}

    def verdict(self, study: OptunaStudy, trial: OptunaTrial) -> int:
        """What becomes of a trial that runs here."""
        self.synchronise(study, trial.number)
        self.follow(trial)
        return self._verdicts.get(trial.number, PROCEED)

    def follow(self, trial: OptunaTrial) -> None:
        number = trial.number
        own = self.running.get(number)
        last = self._steps.get(number, 0)
        for step in sorted(step for step in trial.intermediate_values if step > last):
            if own is None:
                own = self.running[number] = self._begin()
            value = float(trial.intermediate_values[step])
            self._verdicts[number] = self.study._transport.report(own, float(step), value, self.study._metrics)
            self._steps[number] = step

    def _begin(self) -> Trial:
        own = self.ask()
        if own._target < self._maximum:
            raise ValueError(
                "the scheduler pauses trials and goes on with the best of them later, which Optuna cannot: use one "
                'that only stops trials, such as "asha" or "median"')
        return own

    def finish(self, own: Trial, trial: OptunaTrial, state: Any, values: Any) -> None:
        self.follow_to_the_end(own, trial)
        verb = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "stop"}.get(state, "fail")
        self.request(verb, trial=own.number, seconds=own._seconds())
        own._finish()
        self._steps.pop(trial.number, None)
        self._verdicts.pop(trial.number, None)

    def follow_to_the_end(self, own: Trial, trial: OptunaTrial) -> None:
        """Take over reports after which nobody asked whether to go on."""
        self.running[trial.number] = own
        self.follow(trial)
        del self.running[trial.number]

    def add(self, trials: list[OptunaTrial]) -> None:
        added = []
        for trial in trials:
            points = sorted((step, float(value)) for step, value in trial.intermediate_values.items() if step > 0)
            if not points:
                # Says nothing about any step.
                continue
            state = "stopped" if trial.state == TrialState.PRUNED else "failed"
            one: dict[str, Any] = {
                "used": {}, "curve": {
                    "resource": [step for step, _ in points],
                    "value": [value if math.isfinite(value) else str(value) for _, value in points]}}
            if trial.state == TrialState.COMPLETE and math.isfinite(points[-1][1]):
                state = "completed"
                one["metrics"] = {"value": points[-1][1]}
            added.append({"state": state, **one})
        if added:
            self.request("add", trials=added)


class TrimtabPruner(BasePruner):
    """Decides with one of Trimtab's schedulers which of Optuna's trials end early.

    Reports of all trials count, in whichever process they run. A report at step 0 is not judged, as with Optuna's own
    successive halving.

    - scheduler: a name, or a dict with its name and options, such as ``{"name": "asha", "eta": 4}`` or ``"median"``.
    - max_resource: the last step of a complete trial; ``"auto"`` takes it from trials that are complete, and prunes
      none before there is one.
    - min_resource: the first step at which a trial may end.

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
    >>> from trimtab.optuna import TrimtabPruner
    >>> def objective(trial):
    ...     x = trial.suggest_float("x", 0, 1)
    ...     for step in range(1, 28):
    ...         trial.report(x + 1 / step, step)
    ...         if trial.should_prune():
    ...             raise optuna.TrialPruned
    ...     return x
    >>> study = optuna.create_study(pruner=TrimtabPruner(max_resource=27))
    >>> study.optimize(objective, n_trials=30)
    >>> sum(trial.state.name == "PRUNED" for trial in study.trials) > 10
    True
    """

    def __init__(
        self, scheduler: str | Mapping[str, Any] = "asha", *, max_resource: int | str = "auto",
        min_resource: int = 1,
    ) -> None:
        part = _part(scheduler, "scheduler")
        if part == "asha" or isinstance(part, dict) and part.get("name") == "asha":
            part = {"variant": "stopping", **({"name": part} if isinstance(part, str) else part)}
        if isinstance(max_resource, str) and max_resource != "auto":
            raise ValueError(f"max_resource is a whole number or 'auto', not {max_resource!r}")
        if min_resource < 1 or not isinstance(max_resource, str) and max_resource < min_resource:
            raise ValueError(
                "min_resource must be at least 1, and max_resource at least that, "
                f"not {min_resource} and {max_resource}")
        self._scheduler = part
        self._max_resource = max_resource
        self._min_resource = min_resource
        self._mirrors: Mirrors[_PrunerMirror] = Mirrors()

    def __repr__(self) -> str:
        return (
            f"TrimtabPruner({self._scheduler!r}, max_resource={self._max_resource!r}, "
            f"min_resource={self._min_resource})")

    def _make(self, study: OptunaStudy) -> _PrunerMirror | None:
        if isinstance(self._max_resource, str):
            complete = study._storage.get_all_trials(study._study_id, deepcopy=False, states=(TrialState.COMPLETE,))
            maximum = max((trial.last_step or 0 for trial in complete), default=0)
            if maximum == 0:
                return None
            maximum = max(maximum, self._min_resource)
        else:
            maximum = self._max_resource
        return _PrunerMirror(study, self._scheduler, self._min_resource, maximum)

    def prune(self, study: OptunaStudy, trial: OptunaTrial) -> bool:
        if not trial.last_step:
            return False
        mirror = self._mirrors.of(study, self._make)
        if mirror is None:
            return False
        with mirror.lock:
            return mirror.verdict(study, trial) != PROCEED
