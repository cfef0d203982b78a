"""The sampler."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study as OptunaStudy
from optuna.trial import FrozenTrial as OptunaTrial
from optuna.trial import TrialState

from .._create import _part, default_sampler
from .._space import Categorical, Float, Int, Parameter
from .._trial import _NOTHING, Trial
from ._mirrors import Mirror, Mirrors


class _Entry:
    """One domain of a parameter. Under a name, Optuna allows several ranges: each is a parameter of its own here."""

    __slots__ = ("distribution", "is_categorical", "is_integer", "key", "parameter")

    def __init__(self, key: str, distribution: BaseDistribution) -> None:
        self.key = key
        self.distribution = distribution
        self.is_categorical = isinstance(distribution, CategoricalDistribution)
        self.is_integer = isinstance(distribution, IntDistribution)
        self.parameter = _parameter(distribution)

    def to_optuna(self, value: Any) -> Any:
        return self.distribution.choices[value] if self.is_categorical else value

    def from_optuna(self, value: Any) -> Any:
        """The engine's value; ``_NOTHING`` for one outside of the range, which Optuna lets users enqueue."""
        internal = self.distribution.to_internal_repr(value)
        if not self.distribution._contains(internal):
            return _NOTHING
        return int(internal) if self.is_categorical or self.is_integer else float(internal)


def _parameter(distribution: BaseDistribution) -> Parameter:
    if isinstance(distribution, FloatDistribution):
        return Float(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    if isinstance(distribution, IntDistribution):
        return Int(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    if isinstance(distribution, CategoricalDistribution):
        # By index: a choice may be any object.
        return Categorical(range(len(distribution.choices)))
    raise NotImplementedError(f"TrimtabSampler does not know {type(distribution).__name__}")


class _SamplerMirror(Mirror):
    def __init__(self, study: OptunaStudy, sampler: Any, seed: int) -> None:
        goals = [direction.name.lower() for direction in study.directions]
        method = {"sampler": default_sampler(len(goals)) if sampler is None else sampler, "scheduler": "full"}
        super().__init__(
            {
                "study": "optuna", "grows": True, "seed": seed, "retries": {"failed": 0, "lost": 0},
                "objectives": [{"metric": f"value{index}", "goal": goal} for index, goal in enumerate(goals)],
                "method": method,
            }, study)
        self._entries: dict[str, list[_Entry]] = {}
        self._count = 0
        #: Trials that run here.
        self._own: set[int] = set()
        #: What the engine knows a trial that runs elsewhere to use.
        self._followed: dict[int, dict[str, Any]] = {}

    def entry(self, name: str, distribution: BaseDistribution) -> _Entry:
        """The parameter for a name and a distribution. The one used last stands last."""
        entries = self._entries.setdefault(name, [])
        for index in range(len(entries) - 1, -1, -1):
            entry = entries[index]
            if entry.distribution is distribution or entry.distribution == distribution:
                if index < len(entries) - 1:
                    entries.append(entries.pop(index))
                return entry
        # Names are the engine's own: Optuna's may be any text.
        entry = _Entry(f"p{self._count}", distribution)
        self._count += 1
        entries.append(entry)
        return entry

    def space(self) -> dict[str, BaseDistribution]:
        """The parameters that a new trial is proposed values for."""
        return {name: entries[-1].distribution for name, entries in self._entries.items() if entries}

    def begin(self, study: OptunaStudy, number: int) -> Trial:
        """The engine's trial for one of Optuna that runs here."""
        if number not in self._own:
            self.synchronise(study, number)
            self._own.add(number)
        trial = self.running.get(number)
        if trial is None:
            trial = self.running[number] = self.ask()
        return trial

    def value(self, trial: Trial, name: str, distribution: BaseDistribution) -> Any:
        """The value of a parameter in a trial: the proposed one, or a draw."""
        entry = self.entry(name, distribution)
        known = self.study._known.entries.get(entry.key)
        value = _NOTHING if known is None else trial._proposed(entry.key, entry.parameter, known[2])
        if value is _NOTHING:
            drawn = self.request("draw", trial=trial.number, name=entry.key, parameter=entry.parameter.json())
            value = entry.parameter.decode(drawn["result"])
        return entry.to_optuna(value)

    def _used(self, trial: OptunaTrial) -> dict[str, tuple[_Entry, Any]]:
        used = {}
        params = trial.params
        for name, distribution in trial.distributions.items():
            if not distribution.single():
                entry = self.entry(name, distribution)
                value = entry.from_optuna(params[name])
                if value is not _NOTHING:
                    used[entry.key] = entry, value
        return used

    def _json(self, used: Mapping[str, tuple[_Entry, Any]]) -> dict[str, Any]:
        return {key: {"parameter": entry.parameter.json(), "value": value} for key, (entry, value) in used.items()}

    def _settle(self, own: Trial, used: dict[str, tuple[_Entry, Any]]) -> None:
        known = self.study._known
        if own._count == known.slot_count and len(used) == len(known.entries):
            for key, (entry, value) in used.items():
                place = known.entries.get(key)
                if place is None or own._proposed(key, entry.parameter, place[2]) != value:
                    break
            else:
                return
        self.request("settle", trial=own.number, used=self._json(used))

    def follow(self, trial: OptunaTrial) -> None:
        if trial.number in self._own:
            return
        # Another process runs it, or another thread is about to: where it looks, the engine need not.
        own = self.running.get(trial.number)
        if own is None:
            own = self.running[trial.number] = self.ask()
        values = dict(trial.params)
        if values and self._followed.get(trial.number) != values:
            self.request("settle", trial=own.number, used=self._json(self._used(trial)))
            self._followed[trial.number] = values

    def finish(self, own: Trial, trial: OptunaTrial, state: Any, values: Any) -> None:
        self._own.discard(trial.number)
        self._followed.pop(trial.number, None)
        self._settle(own, self._used(trial))
        measured = _measured(trial, state, values)
        if measured is None:
            kind = "stop" if state == TrialState.PRUNED else "fail"
            self.request(kind, trial=own.number, seconds=own._seconds())
            own._finish()
        else:
            metrics = self.study._metrics
            self.study._transport.complete(own, None, measured[0] if len(metrics) == 1 else measured, metrics)

    def add(self, trials: list[OptunaTrial]) -> None:
        added = []
        for trial in trials:
            values = _measured(trial, trial.state, trial.values)
            duration = trial.duration
            one: dict[str, Any] = {
                "state": "failed" if values is None else "completed", "used": self._json(self._used(trial)),
                "seconds": 0.0 if duration is None else duration.total_seconds()}
            if values is None and trial.state == TrialState.PRUNED:
                one["state"] = "stopped"
            if values is not None:
                if not all(map(math.isfinite, values)):
                    one["state"] = "failed"
                else:
                    one["metrics"] = dict(zip(self.study._metrics, values))
            added.append(one)
        self.request("add", trials=added)


def _measured(trial: OptunaTrial, state: Any, values: Sequence[float] | None) -> list[float] | None:
    """A trial's objectives; of one that was pruned the last report, as Optuna has it."""
    if state == TrialState.COMPLETE:
        return None if values is None else [float(value) for value in values]
    if state == TrialState.PRUNED and trial.intermediate_values:
        value = float(trial.intermediate_values[max(trial.intermediate_values)])
        return [value] if math.isfinite(value) else None
    return None


class TrimtabSampler(BaseSampler):
    """Proposes the parameters of Optuna's trials with one of Trimtab's samplers.

    All parameters that the study has seen are proposed together; one that a trial asks for first is drawn. Trials
    that run, in this process or in another one on the same storage, are accounted for, so that parallel workers do not
    try the same thing. Pruned trials count with their last report.

    - sampler: a name, or a dict with its name and options, such as ``{"name": "tpe", "startup": 20}``; when left out,
      the engine's choice for one objective or several. ``trimtab methods`` lists all.
    - seed: makes a sequential study repeatable.

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
    >>> from trimtab.optuna import TrimtabSampler
    >>> study = optuna.create_study(sampler=TrimtabSampler(seed=1))
    >>> study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 1) ** 2, n_trials=60)
    >>> abs(study.best_params["x"] - 1) < 0.3
    True
    """

    def __init__(self, sampler: str | Mapping[str, Any] | None = None, *, seed: int | None = None) -> None:
        self._sampler = None if sampler is None else _part(sampler, "sampler")
        self._seed = _random_seed() if seed is None else int(seed)
        self._mirrors: Mirrors[_SamplerMirror] = Mirrors()
        # How many trials each mirror had when it was made anew.
        self._remade: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"TrimtabSampler({self._sampler!r}, seed={self._seed})"

    def _mirror(self, study: OptunaStudy) -> _SamplerMirror:
        mirror = self._mirrors.of(study, lambda study: _SamplerMirror(study, self._sampler, self._seed))
        assert mirror is not None
        return mirror

    def infer_relative_search_space(self, study: OptunaStudy, trial: OptunaTrial) -> dict[str, BaseDistribution]:
        mirror = self._mirror(study)
        with mirror.lock:
            mirror.begin(study, trial.number)
            return mirror.space()

    def sample_relative(
        self, study: OptunaStudy, trial: OptunaTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        mirror = self._mirror(study)
        with mirror.lock:
            own = mirror.begin(study, trial.number)
            return {
                name: _single(distribution) if distribution.single() else mirror.value(own, name, distribution)
                for name, distribution in search_space.items()
            }

    def sample_independent(
        self, study: OptunaStudy, trial: OptunaTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if param_distribution.single():
            return _single(param_distribution)
        mirror = self._mirror(study)
        with mirror.lock:
            return mirror.value(mirror.begin(study, trial.number), param_name, param_distribution)

    def after_trial(
        self, study: OptunaStudy, trial: OptunaTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        mirror = self._mirror(study)
        with mirror.lock:
            own = mirror.close_trial(trial.number)
            if own is not None:
                mirror.finish(own, trial, state, values)

    def reseed_rng(self) -> None:
        """Go on with other random numbers.

        Optuna calls this before every trial of ``n_jobs``, for samplers whose threads would otherwise draw the same.
        Those of this one share the engine's study, which is made anew with the new seed while no trial runs, and at
        most once while it doubles.
        """
        self._seed = _random_seed()
        for storage, study_id, mirror in self._mirrors.all():
            with mirror.lock:
                count = mirror._next
                if not mirror.running and count >= 2 * self._remade.get(study_id, 0):
                    self._remade[study_id] = max(count, 1)
                    self._mirrors.drop(storage, study_id)

    def __getstate__(self) -> dict[str, Any]:
        return {"sampler": self._sampler, "seed": self._seed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._sampler = state["sampler"]
        self._seed = state["seed"]
        self._mirrors = Mirrors()
        self._remade = {}


def _random_seed() -> int:
    return int.from_bytes(os.urandom(4), "little")


def _single(distribution: BaseDistribution) -> Any:
    return distribution.choices[0] if isinstance(distribution, CategoricalDistribution) else distribution.low
