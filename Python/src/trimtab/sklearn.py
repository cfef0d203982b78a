"""A search with the interface of scikit-learn.

    from trimtab.sklearn import TrimtabSearchCV

    search = TrimtabSearchCV(SVC(), {"C": tt.Float(1e-3, 1e3, log=True), "kernel": ["linear", "rbf"]}, n_trials=40)
    search.fit(X, y)
    search.best_params_, search.best_score_
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state, get_tags

from ._create import create_study
from ._errors import StudyFinished
from ._space import Categorical, Float, Int, Parameter, Space
from ._study import Study
from ._trial import Trial


class TrimtabSearchCV(BaseSearchCV):
    """Searches an estimator's parameters by cross-validation, each trial chosen by what the earlier ones gave.

    Takes the place of ``GridSearchCV`` and ``RandomizedSearchCV``, with all that these have after ``fit``.

    Parameters
    ----------
    estimator
        The estimator, such as a pipeline.
    param_distributions
        For each parameter a ``tt.Float``, ``tt.Int``, ``tt.Categorical`` and so on, a list of choices of any kind, or a
        frozen ``uniform``, ``loguniform`` or ``randint`` of SciPy; or a ``tt.Space``, with conditions and constraints.
        A parameter that is not active keeps the estimator's value.
    n_trials
        How many candidates are tried; fewer when every configuration of the space has been.
    timeout
        Seconds after which no candidate begins.
    sampler
        A name, or a dict with its name and options; ``auto`` when left out.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in ``RandomizedSearchCV``. With several metrics, that of ``refit`` is optimised.
    random_state
        Makes the search repeatable.
    callbacks
        Called after each batch of candidates with the search and their results, a dict as ``cv_results_``.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> import trimtab as tt
    >>> X, y = load_iris(return_X_y=True)
    >>> search = TrimtabSearchCV(SVC(), {"C": tt.Float(1e-3, 1e3, log=True)}, n_trials=12, cv=3, random_state=1)
    >>> bool(search.fit(X, y).best_score_ > 0.95)
    True
    """

    # Documented by scikit-learn as what a search requires.
    _required_parameters = ["estimator", "param_distributions"]

    def __init__(
        self, estimator: Any, param_distributions: Space | Mapping[str, Any], *, n_trials: int = 20,
        timeout: float | None = None, sampler: str | Mapping[str, Any] | None = None, scoring: Any = None,
        n_jobs: int | None = None, refit: Any = True, cv: Any = None, verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs", random_state: Any = None, error_score: float | str = np.nan,
        return_train_score: bool = False,
        callbacks: Sequence[Callable[[TrimtabSearchCV, Mapping[str, Any]], None]] | None = None,
    ) -> None:
        super().__init__(
            estimator=estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
            pre_dispatch=pre_dispatch, error_score=error_score, return_train_score=return_train_score)
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.timeout = timeout
        self.sampler = sampler
        self.random_state = random_state
        self.callbacks = callbacks

    def fit(self, X: Any, y: Any = None, **params: Any) -> TrimtabSearchCV:
        """Search, and fit the best estimator to all data; see ``RandomizedSearchCV.fit``."""
        if y is None and get_tags(self).target_tags.required:
            raise ValueError(
                f"this {type(self).__name__} requires y to be passed, but the target y is None: its estimator "
                f"{type(self.estimator).__name__} cannot be fitted without")
        super().fit(X, y, **params)
        return self

    def _run_search(self, evaluate_candidates: Callable[[list[dict[str, Any]]], Mapping[str, Any]]) -> None:
        if self.n_trials < 1:
            raise ValueError(f"n_trials must be at least 1, not {self.n_trials}")
        space, choices = _space(self.param_distributions)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        # A batch keeps the processors busy beyond the folds of one candidate.
        batch = max(1, effective_n_jobs(self.n_jobs) // 2)
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        score = self._score_name()
        with create_study(direction="maximize", space=space, sampler=self.sampler, seed=seed) as study:
            done = 0
            while done < self.n_trials and (done == 0 or deadline is None or time.monotonic() < deadline):
                trials = _ask(study, min(batch, self.n_trials - done))
                if not trials:
                    break
                results = evaluate_candidates([
                    {name: choices[name][value] if name in choices else value for name, value in trial.params.items()}
                    for trial in trials
                ])
                for trial, value in zip(trials, results[score][done:]):
                    # What cannot be fitted counts as a failure, not as the value of error_score.
                    study.tell(trial, float(value))
                done += len(trials)
                for callback in self.callbacks or ():
                    callback(self, results)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        try:
            inner = get_tags(self.estimator)
        except (AttributeError, TypeError):
            # No estimator; fit says so.
            return tags
        tags.input_tags = copy.copy(inner.input_tags)
        tags.target_tags = copy.copy(inner.target_tags)
        return tags

    def _score_name(self) -> str:
        if isinstance(self.refit, str):
            return f"mean_test_{self.refit}"
        if isinstance(self.scoring, (list, tuple, set, dict)):
            raise ValueError(
                "with several metrics, refit must be the name of the one that is optimised, "
                f"such as {next(iter(self.scoring), 'accuracy')!r}, not {self.refit!r}")
        return "mean_test_score"


def _ask(study: Study, count: int) -> list[Trial]:
    """As many trials; fewer when everything in a space of a few choices has been tried."""
    trials: list[Trial] = []
    try:
        while len(trials) < count:
            trials.append(study.ask(timeout=0))
    except (StudyFinished, TimeoutError):
        pass
    return trials


def _space(distributions: Any) -> tuple[Space, dict[str, Sequence[Any]]]:
    """The engine's space, and the choices of parameters that stand there by their index."""
    if isinstance(distributions, Space):
        return distributions, {}
    if not isinstance(distributions, Mapping):
        raise TypeError(f"param_distributions must be a dict or a tt.Space, not {distributions!r}")
    choices: dict[str, Sequence[Any]] = {}
    parameters: dict[str, Parameter] = {}
    for name, entry in distributions.items():
        if isinstance(entry, Parameter):
            parameters[name] = entry
        elif hasattr(entry, "dist") and hasattr(entry, "args"):
            parameters[name] = _from_scipy(name, entry)
        elif isinstance(entry, (Sequence, np.ndarray)) and not isinstance(entry, (str, bytes)):
            # Choices may be anything: functions, other estimators.
            if len(entry) == 0:
                raise ValueError(f"{name} has no choices")
            choices[name] = list(entry)
            parameters[name] = Categorical(range(len(entry)))
        else:
            raise TypeError(f"{name} must be a parameter such as tt.Float(0, 1), a list of choices, or a distribution "
                            f"of SciPy, not {entry!r}")
    return Space(parameters), choices


def _from_scipy(name: str, frozen: Any) -> Parameter:
    kind = frozen.dist.name
    low, high = frozen.support()
    if kind == "uniform":
        return Float(low, high)
    if kind in ("loguniform", "reciprocal"):
        return Float(low, high, log=True)
    if kind == "randint":
        return Int(int(low), int(high))
    raise ValueError(f"{name}: {kind} has no counterpart here: use uniform, loguniform, randint, tt.Float or tt.Int")


__all__ = ["TrimtabSearchCV"]
