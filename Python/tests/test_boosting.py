"""The callbacks for XGBoost and LightGBM, in real trainings."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from trials import Recorded

import trimtab as tt
import trimtab.lightgbm
import trimtab.xgboost

GENERATOR = np.random.default_rng(1)
X = GENERATOR.normal(size=(300, 4))
Y = X[:, 0] + X[:, 1] ** 2 + GENERATOR.normal(size=300) / 4


def boost(library: ModuleType, rounds: int, rate: float = 0.3, **options: Any) -> tuple[Any, Any]:
    """The callback and the model."""
    if library is xgboost:
        callback: Any = trimtab.xgboost.TrimtabCallback("valid-rmse", name="loss", **options)
        train, valid = xgboost.DMatrix(X[:200], Y[:200]), xgboost.DMatrix(X[200:], Y[200:])
        model: Any = xgboost.train(
            {"eta": rate, "nthread": 1}, train, rounds, evals=[(train, "train"), (valid, "valid")], verbose_eval=False,
            callbacks=[callback], xgb_model=callback.checkpoint)
        return callback, model
    callback = trimtab.lightgbm.TrimtabCallback("valid-rmse", name="loss", **options)
    data = lightgbm.Dataset(X[:200], Y[:200], free_raw_data=False)
    model = lightgbm.train(
        {"objective": "regression", "metric": "rmse", "learning_rate": rate, "num_threads": 1, "verbose": -1}, data,
        rounds, valid_sets=[data, lightgbm.Dataset(X[200:], Y[200:], reference=data, free_raw_data=False)],
        valid_names=["train", "valid"], callbacks=[callback], init_model=callback.checkpoint)
    callback.finish()
    return callback, model


def rounds_of(model: Any) -> int:
    return int(model.num_boosted_rounds() if hasattr(model, "num_boosted_rounds") else model.current_iteration())


libraries = pytest.mark.parametrize("library", [xgboost, lightgbm], ids=["xgboost", "lightgbm"])


@libraries
def test_every_round_is_reported_under_the_studys_name(library: ModuleType, tmp_path: Path) -> None:
    trial = Recorded(tmp_path)
    callback, _ = boost(library, 5, trial=trial)
    assert [report["resource"] for report in trial.reports] == [1, 2, 3, 4, 5]
    assert all(set(report) >= {"loss", "resource"} for report in trial.reports)
    assert trial.reports[-1]["loss"] == callback.value < trial.reports[0]["loss"]


@libraries
def test_a_run_that_goes_on_begins_where_its_checkpoint_ends(library: ModuleType, tmp_path: Path) -> None:
    first = Recorded(tmp_path, resource=4)
    boost(library, 12, trial=first)
    assert [report["resource"] for report in first.reports] == [1, 2, 3, 4]
    second = Recorded(tmp_path, resource=12, reached=4)
    _, model = boost(library, 12 - 4, trial=second)
    assert [report["resource"] for report in second.reports] == list(range(5, 13))
    assert rounds_of(model) == 12
    straight, _ = boost(library, 12)
    assert second.reports[-1]["loss"] == pytest.approx(straight.value, rel=1e-5)


@libraries
def test_the_training_ends_when_the_trial_should_stop(library: ModuleType, tmp_path: Path) -> None:
    trial = Recorded(tmp_path)
    trial.stop_path.write_text("")
    _, model = boost(library, 50, trial=trial)
    assert len(trial.reports) == 1
    assert rounds_of(model) == 1


@libraries
def test_reports_may_be_rarer_than_rounds(library: ModuleType, tmp_path: Path) -> None:
    trial = Recorded(tmp_path, resource=11)
    boost(library, 40, trial=trial, every=5)
    assert [report["resource"] for report in trial.reports] == [5, 10, 11]


@libraries
def test_without_fidelity_the_last_value_is_the_result(library: ModuleType, tmp_path: Path) -> None:
    trial = Recorded(tmp_path, fidelity=None)
    callback, _ = boost(library, 5, trial=trial)
    assert [report["loss"] for report in trial.reports] == [callback.value]
    assert "resource" not in trial.reports[0]


@libraries
def test_an_objective_is_pruned(library: ModuleType) -> None:
    study = tt.create_study(fidelity=tt.Fidelity("round", max=27), seed=1)

    def objective(trial: tt.Trial) -> float:
        callback, _ = boost(library, 27, trial.suggest_float("rate", 1e-3, 1, log=True), trial=trial)
        value: float = callback.value
        return value

    study.optimize(objective, n_trials=12)
    states = [trial.state.name for trial in study.trials]
    assert states.count("PRUNED") >= 3 and "COMPLETE" in states
    assert study.best_params["rate"] > 0.02


@libraries
def test_outside_of_a_study_the_training_is_as_ever(library: ModuleType) -> None:
    callback, model = boost(library, 5)
    assert rounds_of(model) == 5
    assert callback.checkpoint is None


@libraries
def test_a_metric_that_is_not_measured_is_named_with_those_that_are(library: ModuleType) -> None:
    module: Any = trimtab.xgboost if library is xgboost else trimtab.lightgbm
    callback = module.TrimtabCallback("valid-auc")
    with pytest.raises(ValueError, match="'valid-auc' is not among what was measured: valid-rmse"):
        callback._progress.report(1, {"valid-rmse": 1.0})


def test_cross_validation_reports_means(tmp_path: Path) -> None:
    trial = Recorded(tmp_path)
    callback = trimtab.xgboost.TrimtabCallback("test-rmse", trial=trial)
    table = xgboost.cv(
        {"nthread": 1}, xgboost.DMatrix(X, Y), 3, nfold=3, seed=1, callbacks=[callback], as_pandas=False)
    assert [report["test-rmse"] for report in trial.reports] == pytest.approx(table["test-rmse-mean"])
    other = Recorded(tmp_path)
    callback_ = trimtab.lightgbm.TrimtabCallback("valid-rmse", trial=other)
    result = lightgbm.cv(
        {"objective": "regression", "metric": "rmse", "num_threads": 1, "verbose": -1}, lightgbm.Dataset(X, Y), 3,
        nfold=3, stratified=False, callbacks=[callback_])
    assert [report["valid-rmse"] for report in other.reports] == pytest.approx(result["valid rmse-mean"])
