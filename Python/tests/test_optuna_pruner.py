"""TrimtabPruner, by what Optuna's tests ask of its own pruners, which are not published as a kit."""

from __future__ import annotations

import pickle
import statistics
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from trimtab.optuna import TrimtabPruner, TrimtabSampler

optuna.logging.set_verbosity(optuna.logging.ERROR)


def curves(trial: optuna.Trial, epochs: int = 27) -> float:
    x: float = trial.suggest_float("x", 0, 1)
    loss = 0.0
    for epoch in range(1, epochs + 1):
        loss = x + 1 / epoch
        trial.report(loss, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return loss


def steps(study: optuna.Study) -> int:
    return sum(len(trial.intermediate_values) for trial in study.trials)


def test_prunes_at_the_levels_of_successive_halving() -> None:
    study = optuna.create_study(pruner=TrimtabPruner(max_resource=27), sampler=TrimtabSampler(seed=1))
    study.optimize(curves, n_trials=60)
    last = {trial.last_step for trial in study.trials if trial.state == TrialState.PRUNED}
    assert last <= {1, 3, 9}
    assert steps(study) < 60 * 27 / 2
    # The best one is among those that went on.
    assert study.best_trial.last_step == 27


def test_the_largest_resource_comes_from_the_first_trial_that_is_complete() -> None:
    study = optuna.create_study(pruner=TrimtabPruner(), sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(curves, n_trials=40)
    assert study.trials[0].state == TrialState.COMPLETE
    assert {trial.last_step for trial in study.trials if trial.state == TrialState.PRUNED} <= {1, 3, 9}
    assert steps(study) < 40 * 27 / 2


def test_the_median_rule_stops_the_worse_half() -> None:
    pruner = TrimtabPruner({"name": "median", "startup": 5}, max_resource=27)
    study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=1))
    study.optimize(curves, n_trials=60)
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    assert 15 <= len(pruned) <= 50
    assert min(trial.number for trial in pruned) >= 5
    worst = statistics.median(trial.params["x"] for trial in pruned)
    assert worst > statistics.median(trial.params["x"] for trial in complete)


@pytest.mark.parametrize("direction, expected", [("minimize", True), ("maximize", False)])
def test_the_direction_says_which_trial_is_worse(direction: str, expected: bool) -> None:
    study = optuna.create_study(direction=direction, pruner=TrimtabPruner(max_resource=27))
    for value in (1.0, 2.0, 3.0):
        trial = study.ask()
        trial.report(value, 1)
        trial.should_prune()
        study.tell(trial, value)
    trial = study.ask()
    trial.report(4.0, 1)
    assert trial.should_prune() is expected
    # Asked again, the answer is the same.
    assert trial.should_prune() is expected


def test_no_report_and_a_report_at_step_0_are_not_judged() -> None:
    study = optuna.create_study(pruner=TrimtabPruner(max_resource=9))
    for value in (0.0, 1.0, 2.0):
        trial = study.ask()
        assert not trial.should_prune()
        trial.report(value, 0)
        assert not trial.should_prune()
        study.tell(trial, value)


def test_what_is_not_a_number_is_pruned_at_the_next_level() -> None:
    study = optuna.create_study(pruner=TrimtabPruner(max_resource=9))
    for value in (1.0, float("nan")):
        trial = study.ask()
        trial.report(value, 1)
        assert trial.should_prune() is (value != value)
        study.tell(trial, None if value != value else value, state=None if value == value else TrialState.FAIL)


def test_reports_that_skip_levels_are_judged_at_the_next_step() -> None:
    study = optuna.create_study(pruner=TrimtabPruner(max_resource=27))
    for value in (1.0, 2.0):
        trial = study.ask()
        trial.report(value, 5)
        assert trial.should_prune() is (value == 2.0)
        study.tell(trial, value)


def test_trials_of_other_processes_count(tmp_path: Path) -> None:
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal")))
    first = optuna.create_study(study_name="s", storage=storage, pruner=TrimtabPruner(max_resource=27))
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal")))
    second = optuna.load_study(study_name="s", storage=storage, pruner=TrimtabPruner(max_resource=27))
    running = first.ask()
    running.report(0.5, 1)
    assert not running.should_prune()
    finished = first.ask()
    finished.report(0.6, 1)
    first.tell(finished, 0.6)
    other = second.ask()
    other.report(0.7, 1)
    assert other.should_prune()
    second.tell(other, state=TrialState.PRUNED)
    better = second.ask()
    better.report(0.4, 1)
    assert not better.should_prune()


def test_a_study_with_threads_and_after_pickling() -> None:
    # Random trials: where each is better than the last, as a model's may be, none is pruned.
    study = optuna.create_study(pruner=TrimtabPruner(max_resource=27), sampler=TrimtabSampler("random", seed=1))
    study.optimize(curves, n_trials=30, n_jobs=3)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(curves, n_trials=30)
    assert repr(again.pruner) == repr(study.pruner)
    assert steps(again) < 60 * 27 / 2


def test_schedulers_that_pause_are_refused() -> None:
    for scheduler in ({"name": "asha", "variant": "promotion"}, "one-epoch"):
        study = optuna.create_study(pruner=TrimtabPruner(scheduler, max_resource=9))
        trial = study.ask()
        trial.report(1.0, 1)
        with pytest.raises(ValueError, match="Optuna cannot"):
            trial.should_prune()


@pytest.mark.parametrize("options", [{"max_resource": "all"}, {"max_resource": 0}, {"min_resource": 0}])
def test_impossible_resources_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="max_resource"):
        TrimtabPruner(**options)  # type: ignore[arg-type]
