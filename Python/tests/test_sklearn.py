"""TrimtabSearchCV: scikit-learn's checks of estimators, and searching."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from joblib import parallel_backend
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import trimtab as tt
from trimtab.sklearn import TrimtabSearchCV

X, Y = make_classification(n_samples=120, n_features=6, random_state=1)


@parametrize_with_checks([
    TrimtabSearchCV(Ridge(), {"alpha": tt.Float(0.1, 10, log=True)}, n_trials=2, cv=2, error_score="raise"),
    TrimtabSearchCV(DecisionTreeClassifier(), {"max_depth": [2, 3]}, n_trials=2, cv=2, error_score="raise"),
])
def test_scikit_learn_has_no_objection(estimator: Any, check: Any) -> None:
    check(estimator)


def test_it_finds_more_than_random_search_in_as_many_trials() -> None:
    points = np.random.default_rng(1).uniform(-3, 3, size=(60, 1))
    waves = np.sin(3 * points[:, 0])

    def ours(seed: int) -> float:
        search = TrimtabSearchCV(
            KernelRidge(kernel="rbf"), {"alpha": tt.Float(1e-8, 1e4, log=True), "gamma": tt.Float(1e-6, 1e4, log=True)},
            n_trials=25, cv=2, random_state=seed)
        return float(search.fit(points, waves).best_score_)

    def theirs(seed: int) -> float:
        search = RandomizedSearchCV(
            KernelRidge(kernel="rbf"), {"alpha": stats.loguniform(1e-8, 1e4), "gamma": stats.loguniform(1e-6, 1e4)},
            n_iter=25, cv=2, random_state=seed)
        return float(search.fit(points, waves).best_score_)

    assert np.median([ours(seed) for seed in range(5)]) > np.median([theirs(seed) for seed in range(5)])


def test_a_space_of_a_few_choices_ends_the_search_when_all_were_tried() -> None:
    search = TrimtabSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2, 3]}, n_trials=20, cv=2, n_jobs=8)
    with parallel_backend("threading"):
        search.fit(X, Y)
    assert sorted(params["max_depth"] for params in search.cv_results_["params"]) == [1, 2, 3]


def test_it_has_what_a_search_has() -> None:
    search = TrimtabSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()),
        {"standardscaler": [StandardScaler(), MinMaxScaler(), "passthrough"],
         "logisticregression__C": stats.loguniform(1e-3, 1e3), "logisticregression__max_iter": stats.randint(50, 100)},
        n_trials=6, cv=3, random_state=3, return_train_score=True)
    search.fit(X, Y)
    assert len(search.cv_results_["params"]) == 6
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    assert search.score(X, Y) > 0.7
    assert set(search.best_params_) == {
        "standardscaler", "logisticregression__C", "logisticregression__max_iter"}
    assert all(50 <= params["logisticregression__max_iter"] < 100 for params in search.cv_results_["params"])
    again = clone(search).fit(X, Y)
    assert list(again.cv_results_["mean_test_score"]) == list(search.cv_results_["mean_test_score"])
    assert pickle.loads(pickle.dumps(search)).predict(X).shape == (120,)
    assert cross_val_score(search, X, Y, cv=2).shape == (2,)


def test_conditions_of_a_declared_space_hold() -> None:
    space = tt.Space({
        "kernel": tt.Categorical(["linear", "rbf"]), "C": tt.Float(0.01, 100, log=True),
        "gamma": tt.Float(1e-4, 1, log=True, when="kernel == rbf")})
    search = TrimtabSearchCV(SVC(), space, n_trials=12, cv=2, random_state=1).fit(X, Y)
    for params in search.cv_results_["params"]:
        assert ("gamma" in params) == (params["kernel"] == "rbf")


def test_several_metrics_and_jobs() -> None:
    search = TrimtabSearchCV(
        LogisticRegression(), {"C": tt.Float(0.01, 100, log=True)}, n_trials=7, scoring=["accuracy", "roc_auc"],
        refit="roc_auc", n_jobs=4, cv=2, random_state=1)
    with parallel_backend("threading"):
        search.fit(X, Y)
    assert search.best_score_ == max(search.cv_results_["mean_test_roc_auc"])
    with pytest.raises(ValueError, match="refit must be the name"):
        TrimtabSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=["accuracy"], refit=False, cv=2).fit(X, Y)


class Picky:
    """A kernel that works for some folds."""

    calls = 0

    def __call__(self, a: Any, b: Any) -> Any:
        Picky.calls += 1
        if Picky.calls % 2:
            raise ArithmeticError("not today")
        return a @ b.T


def test_what_cannot_be_fitted_is_avoided_and_the_search_goes_on() -> None:
    search = TrimtabSearchCV(
        SVC(), {"C": [1.0, 10.0], "kernel": ["rbf", Picky()]}, n_trials=10, cv=3, random_state=1)
    with pytest.warns(UserWarning):
        search.fit(X, Y)
    assert search.best_params_["kernel"] == "rbf"
    assert np.isnan(search.cv_results_["mean_test_score"]).any()


def test_a_timeout_ends_it_after_the_candidates_that_run() -> None:
    seen: list[int] = []
    search = TrimtabSearchCV(
        LogisticRegression(), {"C": tt.Float(0.1, 1)}, n_trials=50, timeout=0, cv=2,
        callbacks=[lambda search, results: seen.append(len(results["params"]))])
    search.fit(X, Y)
    assert seen == [1] and len(search.cv_results_["params"]) == 1


@pytest.mark.parametrize("space, kind", [
    ({"C": 1.0}, TypeError), ({"C": []}, ValueError), ({"C": stats.norm(0, 1)}, ValueError), ([1], TypeError),
    ({"C": "abc"}, TypeError),
])
def test_spaces_that_mean_nothing_are_refused(space: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        TrimtabSearchCV(LogisticRegression(), space, cv=2).fit(X, Y)
