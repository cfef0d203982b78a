"""A search algorithm for Ray Tune.

    from ray import tune
    from trimtab.ray import TrimtabSearch

    tuner = tune.Tuner(
        trainable, param_space={"rate": tune.loguniform(1e-4, 1), "layers": tune.randint(1, 5)},
        tune_config=tune.TuneConfig(search_alg=TrimtabSearch(), metric="loss", mode="min", num_samples=50))
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ray.tune.search import UNDEFINED_METRIC_MODE, Searcher

from ._create import create_study
from ._errors import StudyFinished
from ._space import Categorical, Float, Int, Parameter, Space
from ._study import Study

if TYPE_CHECKING:
    from ._trial import Trial

_SEPARATOR = "/"


class TrimtabSearch(Searcher):
    """Proposes configurations for Ray's trials.

    - space: a ``tt.Space``, with conditions and constraints; when left out, Ray's ``param_space``.
    - metric, mode: as ``TuneConfig`` has them.
    - sampler: a name, or a dict with its name and options.
    - seed: makes the proposals repeatable, where results come in the same order.

    Trials that Ray's scheduler stops early count with their last result; those that end in an error as failed.
    """

    def __init__(
        self, space: Space | Mapping[str, Parameter] | None = None, metric: str | None = None, mode: str | None = None,
        *, sampler: str | Mapping[str, Any] | None = None, seed: int | None = None,
    ) -> None:
        super().__init__(metric=metric, mode=mode)
        self._space = None if space is None else space if isinstance(space, Space) else Space(space)
        self._choices: dict[str, list[Any]] = {}
        self._constants: dict[str, Any] = {}
        self._sampler = sampler
        self._seed = seed
        self._study: Study | None = None
        self._running: dict[str, Trial] = {}
        #: What is needed to make the study anew: values of the space, and the result or None.
        self._past: list[tuple[dict[str, Any], float | None]] = []

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        if self._study is not None:
            return False
        if metric:
            self._metric = metric
        if mode:
            self._mode = mode
        if config:
            if self._space is not None:
                # Beside a space of one's own, Ray's may hold what never changes.
                parameters, self._choices, self._constants = _from_ray(config)
                if parameters:
                    raise ValueError("give the space either to TrimtabSearch or as param_space, not both")
            else:
                parameters, self._choices, self._constants = _from_ray(config)
                self._space = Space(parameters)
        return True

    def _begin(self) -> Study:
        if self._study is None:
            if self._space is None:
                raise RuntimeError("TrimtabSearch has no space: give it one, or give the Tuner a param_space")
            if not self._metric or self._mode not in ("min", "max"):
                raise RuntimeError(
                    UNDEFINED_METRIC_MODE.format(cls="TrimtabSearch", metric=self._metric, mode=self._mode))
            self._study = create_study(
                direction="minimize" if self._mode == "min" else "maximize", space=self._space, sampler=self._sampler,
                seed=self._seed)
            for params, value in self._past:
                self._take_over(params, value)
        return self._study

    def _take_over(self, params: dict[str, Any], value: float | None) -> None:
        from ._frozen import TrialState

        study = self._begin()
        state = TrialState.COMPLETE if value is not None and abs(value) < float("inf") else TrialState.FAIL
        study.add_trial(
            params, study.space.parameters, value if state is TrialState.COMPLETE else None, state=state)

    def suggest(self, trial_id: str) -> Any:
        study = self._begin()
        try:
            trial = study.ask(timeout=0)
        except TimeoutError:
            # Nothing for now; Ray asks again.
            return None
        except StudyFinished:
            return Searcher.FINISHED
        self._running[trial_id] = trial
        flat = {
            name: self._choices[name][value] if name in self._choices else value
            for name, value in trial.params.items()}
        return _nested({**self._constants, **flat})

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        trial = self._running.pop(trial_id, None)
        if trial is None:
            return
        from ._frozen import TrialState

        value = None if error or not result or self._metric not in result else float(result[self._metric])
        self._past.append((trial.params, value))
        if value is None:
            self._begin().tell(trial, state=TrialState.FAIL)
        else:
            self._begin().tell(trial, value)

    def add_evaluated_point(
        self, parameters: dict[str, Any], value: float, error: bool = False, pruned: bool = False,
        intermediate_values: list[float] | None = None,
    ) -> None:
        flat = _flat(parameters)
        params = {
            name: self._choices[name].index(flat[name]) if name in self._choices else flat[name]
            for name in self._begin().space.names if name in flat}
        self._past.append((params, None if error else float(value)))
        self._take_over(*self._past[-1])

    def save(self, checkpoint_path: str) -> None:
        state = {
            "space": self._space, "choices": self._choices, "constants": self._constants, "past": self._past,
            "metric": self._metric, "mode": self._mode, "seed": self._seed, "sampler": self._sampler}
        with open(checkpoint_path, "wb") as file:
            pickle.dump(state, file)

    def restore(self, checkpoint_path: str) -> None:
        with open(checkpoint_path, "rb") as file:
            state = pickle.load(file)
        self._space = state["space"]
        self._choices = state["choices"]
        self._constants = state["constants"]
        self._past = state["past"]
        self._metric = state["metric"]
        self._mode = state["mode"]
        self._seed = state["seed"]
        self._sampler = state["sampler"]
        self._study = None
        self._running = {}


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, their keys joined."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}{_SEPARATOR}"))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in flat.items():
        *folders, name = path.split(_SEPARATOR)
        place = nested
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return nested


def _from_ray(config: Mapping[str, Any]) -> tuple[dict[str, Parameter], dict[str, list[Any]], dict[str, Any]]:
    """Parameters, choices of those that stand there by their index, and constants, of Ray's ``param_space``."""
    parameters: dict[str, Parameter] = {}
    choices: dict[str, list[Any]] = {}
    constants: dict[str, Any] = {}
    for name, domain in _flat(config).items():
        kind = type(domain).__name__
        if kind not in ("Float", "Integer", "Categorical", "Function"):
            constants[name] = domain
            continue
        sampler: Any = domain.get_sampler() if kind != "Function" else None
        step = None
        if type(sampler).__name__ == "Quantized":
            step, sampler = sampler.q, sampler.sampler
        shape = type(sampler).__name__.strip("_")
        log = shape == "LogUniform"
        if kind == "Categorical" and shape == "Uniform":
            choices[name] = list(domain.categories)
            parameters[name] = Categorical(range(len(domain.categories)))
        elif kind == "Float" and shape in ("Uniform", "LogUniform"):
            parameters[name] = Float(domain.lower, domain.upper, log=log, step=None if log else step)
        elif kind == "Integer" and shape in ("Uniform", "LogUniform"):
            # Ray's upper bound is not included, but for a quantized one.
            upper = domain.upper if step not in (None, 1) else domain.upper - 1
            parameters[name] = Int(domain.lower, upper, log=log, step=1 if log or step is None else int(step))
        else:
            raise ValueError(
                f"{name}: {domain!r} has no counterpart here: use uniform, loguniform, quniform, randint, lograndint, "
                "qrandint or choice")
    return parameters, choices, constants


__all__ = ["TrimtabSearch"]
