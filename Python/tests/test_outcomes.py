"""Bounds on what trials report besides the objective."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import trimtab as tt

BOUND = ["latency_ms <= 20"]


def width_and_latency(trial: tt.Trial) -> float:
    """The best of all is at 100, and of those that keep the bound at 40."""
    width = trial.suggest_int("width", 1, 100)
    trial.report_metrics({"latency_ms": width / 2})
    return 1 / width


def test_the_best_trial_keeps_the_bound() -> None:
    study = tt.create_study(outcome_constraints=BOUND, seed=1)
    study.optimize(width_and_latency, n_trials=60)
    assert study.outcome_constraints == BOUND
    assert 30 <= study.best_params["width"] <= 40
    # Others have better values, and break the bound.
    assert min(trial.value for trial in study.trials if trial.value is not None) < study.best_value
    assert study.best_trial.metrics == {"latency_ms": study.best_params["width"] / 2}


def test_the_sampler_learns_where_the_bound_is_kept() -> None:
    late: list[bool] = []
    for seed in range(6):
        # Gaussian processes try no width twice, and would soon be through with those within the bound.
        study = tt.create_study(outcome_constraints=BOUND, seed=seed, sampler="tpe")
        study.optimize(width_and_latency, n_trials=60)
        late += [trial.metrics["latency_ms"] <= 20 for trial in study.trials[30:]]
    # Random trials keep it in 40 of 100 cases, with a deviation of 4.
    assert sum(late) > 0.5 * len(late)


def test_metrics_may_come_with_the_value() -> None:
    study = tt.create_study(outcome_constraints=BOUND)
    one, two, three = study.ask(), study.ask(), study.ask()
    told = study.tell(one, 1.0, metrics={"latency_ms": 12.0})
    assert (told.state, told.metrics) == (tt.TrialState.COMPLETE, {"latency_ms": 12.0})
    study.tell(two, 0.5, metrics={"latency_ms": 20.5})
    assert study.best_trial.number == 0
    with three:
        three.complete(0.7, metrics={"latency_ms": 20})
    assert study.best_trial.number == 2
    assert [trial.metrics["latency_ms"] for trial in study.trials] == [12.0, 20.5, 20.0]


def test_the_last_report_of_a_metric_counts() -> None:
    study = tt.create_study(outcome_constraints=BOUND)
    trial = study.ask()
    trial.report_metrics({"latency_ms": 30.0})
    trial.report_metrics({"latency_ms": 10, "power_w": 5.5})
    trial.report_metrics({})
    assert study.tell(trial, 1.0).metrics == {"latency_ms": 10.0, "power_w": 5.5}
    assert study.best_trial.metrics == {"latency_ms": 10.0, "power_w": 5.5}


def test_a_trial_without_the_metric_fails_and_says_which() -> None:
    study = tt.create_study(outcome_constraints=BOUND)
    with pytest.warns(tt.TrimtabWarning, match=r"'latency_ms' was never reported.*trial\.report_metrics"):
        told = study.tell(study.ask(), 1.0)
    assert (told.state, told.failure) == (tt.TrialState.FAIL, "invalidValue")
    assert "'latency_ms' was never reported, and the study demands latency_ms <= 20" in (told.failure_message or "")
    with pytest.warns(tt.TrimtabWarning, match="'latency_ms', of which the study demands a bound, is no finite number"):
        told = study.tell(study.ask(), 1.0, metrics={"latency_ms": float("nan")})
    assert told.failure_message is not None and "no finite number" in told.failure_message
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The objective is to blame here.
        assert study.tell(study.ask(), float("inf"), metrics={"latency_ms": 1.0}).state is tt.TrialState.FAIL
    with pytest.raises(tt.NotFoundError, match="keeps the bounds yet: latency_ms <= 20"):
        _ = study.best_trial


def test_optimize_tells_of_a_forgotten_metric() -> None:
    study = tt.create_study(outcome_constraints=BOUND)
    seen: list[tt.FrozenTrial] = []
    with pytest.warns(tt.TrimtabWarning, match="'latency_ms' was never reported"):
        study.optimize(lambda trial: 1.0, n_trials=3, callbacks=[lambda study, trial: seen.append(trial)])
    assert [trial.state for trial in study.trials] == [tt.TrialState.FAIL] * 3
    assert all("latency_ms" in (trial.failure_message or "") for trial in seen)


def in_a_process(trial: tt.Trial) -> float:
    x = trial.suggest_float("x", 0, 1)
    trial.report_metrics({"x squared": x * x})
    return -x


def test_trials_in_processes_report_metrics() -> None:
    study = tt.create_study(outcome_constraints=["x squared <= 0.25"], seed=3)
    study.optimize(in_a_process, n_trials=20, n_jobs=2, processes=True)
    assert all(trial.state is tt.TrialState.COMPLETE for trial in study.trials)
    assert study.best_params["x"] <= 0.5
    assert any(trial.params["x"] > 0.5 for trial in study.trials)


def test_a_trial_that_is_stopped_early_keeps_its_metrics() -> None:
    study = tt.create_study(outcome_constraints=BOUND, fidelity=tt.Fidelity("epoch", max=9), seed=1)

    def objective(trial: tt.Trial) -> float:
        x = trial.suggest_float("x", 0, 40)
        for epoch in range(1, 10):
            trial.report(-x + 1 / epoch, epoch, metrics={"latency_ms": x})
            if trial.should_prune():
                raise tt.TrialPruned
        return -x

    study.optimize(objective, n_trials=30)
    assert {trial.state for trial in study.trials} == {tt.TrialState.COMPLETE, tt.TrialState.PRUNED}
    assert all(trial.metrics == {"latency_ms": trial.params["x"]} for trial in study.trials)
    assert study.best_params["x"] <= 20
    early = study.ask()
    early.suggest_float("x", 0, 40)
    assert study.tell(early, state=tt.TrialState.PRUNED, metrics={"latency_ms": 3}).metrics == {"latency_ms": 3}
    assert study.trials[-1].metrics == {"latency_ms": 3.0}


def test_a_run_for_a_part_of_the_resource_reports_metrics_too() -> None:
    study = tt.create_study(
        outcome_constraints=BOUND, fidelity=tt.Fidelity("epoch", max=9), seed=1,
        scheduler={"name": "asha", "variant": "promotion"}, budget={"trials": 9})

    def objective(trial: tt.Trial) -> float:
        trial.report_metrics({"latency_ms": 5.0 + trial.number})
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective)
    assert {trial.state for trial in study.trials} >= {tt.TrialState.PAUSED}
    assert all(trial.metrics == {"latency_ms": 5.0 + trial.number} for trial in study.trials)


def test_a_metric_may_have_two_bounds() -> None:
    study = tt.create_study(outcome_constraints=["latency_ms >= 5", "latency_ms <= 20"])
    for latency in (1.0, 10.0, 30.0):
        study.tell(study.ask(), latency, metrics={"latency_ms": latency})
    assert [trial.metrics["latency_ms"] for trial in study.best_trials] == [10.0]


def test_a_table_of_trials_shows_metrics() -> None:
    pytest.importorskip("pandas")
    study = tt.create_study(outcome_constraints=BOUND)
    study.optimize(width_and_latency, n_trials=3)
    table = study.trials_dataframe()
    assert list(table["metrics_latency_ms"]) == [trial.params["width"] / 2 for trial in study.trials]


def test_trials_from_elsewhere_bring_their_metrics() -> None:
    study = tt.create_study(outcome_constraints=BOUND)
    space = {"x": tt.Float(0, 1)}
    study.add_trial({"x": 0.1}, space, 1.0, metrics={"latency_ms": 30})
    study.add_trial({"x": 0.2}, space, 2.0, metrics={"latency_ms": 3})
    assert study.best_params == {"x": 0.2}
    with pytest.raises(tt.InvalidReportError, match="'latency_ms', since the study demands latency_ms <= 20"):
        study.add_trial({"x": 0.3}, space, 3.0)
    assert len(study.trials) == 2


def test_a_store_keeps_bounds_and_metrics(tmp_path: Path) -> None:
    store = str(tmp_path / "studies.db")
    with tt.create_study(study_name="bounded", storage=store, outcome_constraints=["latency_ms<=20.0"]) as study:
        study.optimize(width_and_latency, n_trials=5)
        study.tell(study.ask(), 0.0, metrics={"latency_ms": 100.0})
        best = study.best_value
    with tt.load_study(storage=store) as again:
        assert (again.outcome_constraints, again.best_value) == (BOUND, best)
        assert again.trials[-1].metrics == {"latency_ms": 100.0}
    told = subprocess.run(
        [sys.executable, "-m", "trimtab", "best", store, "--json"], capture_output=True, text=True, check=True)
    assert f'"value":{best}' in told.stdout.replace(" ", "")

    def opened(bounds: list[str]) -> None:
        tt.create_study(study_name="bounded", storage=store, load_if_exists=True, outcome_constraints=bounds).close()

    opened([" latency_ms  <= 2e1 "])
    with pytest.raises(tt.ConflictError, match="other outcome constraints: .*latency_ms <= 20"):
        opened(["latency_ms <= 10"])
    with pytest.raises(tt.ConflictError, match="other outcome constraints"):
        opened([])


@pytest.mark.parametrize(
    ("bounds", "error", "match"),
    [
        ("latency_ms <= 20", TypeError, "a list such as"),
        (5, TypeError, "a list such as"),
        ([5], tt.InvalidStudyError, "outcome"),
        (["latency_ms < 20"], tt.InvalidStudyError, "condition on a metric"),
        (["latency_ms <= fast"], tt.InvalidStudyError, "'fast' is not a finite number"),
        (["a <= 1", "a >= 2"], tt.InvalidStudyError, "no value meets both"),
        (["a <= 1", "a <= 2"], tt.InvalidStudyError, "has a bound of that kind already"),
    ])
def test_bounds_that_cannot_be_are_refused(bounds: list[str], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        tt.create_study(outcome_constraints=bounds)


def test_metrics_that_cannot_be_are_refused_and_change_nothing() -> None:
    study = tt.create_study(outcome_constraints=BOUND)
    trial = study.ask()
    for metrics, error, match in (
            ([1.0], TypeError, "a dict of names and numbers"), ({1: 2.0}, TypeError, "must be a text"),
            ({"": 2.0}, TypeError, "must be a text"), ({"latency_ms": "fast"}, TypeError, "must be a number"),
            ({"value": 1.0}, ValueError, "'value' is an objective")):
        with pytest.raises(error, match=match):
            trial.report_metrics(metrics)  # type: ignore[arg-type]
        with pytest.raises(error, match=match):
            study.tell(trial, 1.0, metrics=metrics)  # type: ignore[arg-type]
    assert study.trials[0].state is tt.TrialState.RUNNING
    assert study.trials[0].metrics == {}
    study.tell(trial, 1.0, metrics={"latency_ms": 1})
    with pytest.raises(tt.NotRunningError):
        trial.report_metrics({"latency_ms": 1})


def test_the_c_interface_says_why_a_trial_failed() -> None:
    from test_c_interface import Call, library, opened

    loaded = library.__wrapped__()
    handle = opened(loaded, **{"outcome-constraints": BOUND, "method": {"sampler": "tpe"}})
    values = (ctypes.c_double * 1)(0.5)
    call = Call(capacity=1, values=values)
    assert loaded.tt_ask(handle, ctypes.byref(call)) == 0
    end = Call(trial=0, count=1, resource=float("nan"), seconds=0, values=values)
    assert loaded.tt_complete(handle, ctypes.byref(end)) == 5
    assert b"'latency_ms' was never reported" in ctypes.string_at(end.text)
    loaded.tt_free(end.text)
    assert loaded.tt_close(handle) is None


def test_the_example_of_the_documentation_runs() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "python.md").read_text()
    section = page[page.index("## Bounds on what trials report"):]
    code = re.findall(r"```python\n(.*?)```", section, re.S)[0]
    names: dict[str, object] = {"measure": lambda width: (1 / width, width / 2)}
    exec(compile(code, "docs/python.md", "exec"), names)
    study = names["study"]
    assert isinstance(study, tt.Study)
    assert study.best_trial.metrics["latency_ms"] <= 20
