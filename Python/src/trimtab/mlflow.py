"""Trials as runs of MLflow.

    from trimtab.mlflow import MLflowLogger

    study.optimize(objective, n_trials=50, callbacks=[MLflowLogger("http://localhost:5000")])

A study that ``trimtab tune`` ran is logged afterwards:

    MLflowLogger(uri).log(tt.load_study("digits", "digits.trimtab"))
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from ._frozen import FrozenTrial, TrialState

if TYPE_CHECKING:
    from ._study import Study

#: MLflow takes so many at once.
_BATCH = 100
_TAG = "trimtab.trial"


class MLflowLogger:
    """Logs trials as runs: parameters, objectives, reports on the way, attributes and states.

    A callback for ``optimize``; ``log`` takes a whole study. A trial that has its run already is not logged again.

    - tracking_uri: where the runs go; MLflow's own setting when left out.
    - experiment: the experiment's name; the study's when left out. It is created where there is none.
    """

    def __init__(self, tracking_uri: str | None = None, *, experiment: str | None = None) -> None:
        self._client = MlflowClient(tracking_uri)
        self._experiment = experiment
        self._experiments: dict[str, str] = {}
        self._logged: dict[str, set[int]] = {}

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        if trial.number not in self._begin(study):
            self._log(study, trial)

    def log(self, study: Study) -> int:
        """Log all trials that have ended and have no run yet; returns how many."""
        logged = self._begin(study)
        fresh = [trial for trial in study.trials if trial.state.is_finished() and trial.number not in logged]
        for trial in fresh:
            self._log(study, trial)
        return len(fresh)

    def _begin(self, study: Study) -> set[int]:
        """The trials of a study that have runs."""
        name = self._experiment or study.study_name
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name)
            self._experiments[name] = (
                self._client.create_experiment(name) if found is None else found.experiment_id)
        key = study.study_name
        if key not in self._logged:
            numbers: set[int] = set()
            token: Any = None
            while True:
                page = self._client.search_runs(
                    [self._experiments[name]], f"tags.`trimtab.study` = '{key}'", page_token=token)
                numbers.update(int(run.data.tags[_TAG]) for run in page if _TAG in run.data.tags)
                token = page.token
                if not token:
                    break
            self._logged[key] = numbers
        return self._logged[key]

    def _log(self, study: Study, trial: FrozenTrial) -> None:
        started = trial.datetime_start
        ended = trial.datetime_complete
        begin = int((started.timestamp() if started else time.time() - trial.seconds) * 1000)
        end = int((ended.timestamp() if ended else time.time()) * 1000)
        tags = {
            "trimtab.study": study.study_name, _TAG: str(trial.number), "trimtab.state": trial.state.name.lower(),
            **{f"trimtab.attribute.{key}": str(value)[:5000] for key, value in trial.user_attrs.items()}}
        if trial.failure is not None:
            tags["trimtab.failure"] = trial.failure
        run = self._client.create_run(
            self._experiments[self._experiment or study.study_name], start_time=begin, tags=tags,
            run_name=f"trial {trial.number}").info.run_id
        names = study.metric_names
        points = [(names[0], value, int(step)) for step, value in trial.intermediate_values.items()]
        last = int(trial.last_step or 0)
        final = [(name, value, last) for name, value in zip(names, trial.values or [])]
        points += [point for point in final if point not in points]
        metrics = [Metric(_allowed(name), value, end, step) for name, value, step in points]
        metrics.append(Metric("seconds", trial.seconds, end, last))
        params = [Param(_allowed(name), str(value)) for name, value in trial.params.items()]
        for offset in range(0, len(params), _BATCH):
            self._client.log_batch(run, params=params[offset:offset + _BATCH])
        for offset in range(0, len(metrics), _BATCH):
            self._client.log_batch(run, metrics=metrics[offset:offset + _BATCH])
        for goal, name in zip(study.directions, names):
            self._client.log_batch(run, tags=[RunTag(f"trimtab.direction.{name}", goal.value)])
        status = "FAILED" if trial.state is TrialState.FAIL else "FINISHED"
        self._client.set_terminated(run, status, end)
        self._logged[study.study_name].add(trial.number)


def _allowed(name: str) -> str:
    """A name that MLflow takes; what it does not is written as its number."""
    return "".join(
        letter if letter.isalnum() or letter in "_-. /" else f"_{ord(letter):x}" for letter in name) or "_"


__all__ = ["MLflowLogger"]
