"""What a study file can say and a program, too: replicates, several objectives on the way, costs, earlier studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import trimtab as tt

FOLDS = tt.Fidelity("fold", max=5, replicates=True)


def fold(x: float, number: int) -> float:
    """A value whose first folds say little of the mean, which is x + 0.6."""
    return x + number * 7 % 5 * 0.3


def folds(trial: tt.Trial) -> float:
    assert trial.resource is not None
    x = trial.suggest_float("x", 0, 1)
    for number in range(int(trial.reached) + 1, int(trial.resource) + 1):
        trial.report(fold(x, number), number)
        if trial.should_prune():
            raise tt.TrialPruned
    return -1.0


@pytest.mark.parametrize(
    ("sampler", "scheduler"), [("random", "racing"), ("tpe", "wilcoxon"), ("irace", "f-race"), ("random", "full")])
def test_schedulers_of_replicates_run(sampler: str, scheduler: str) -> None:
    study = tt.create_study(
        space={"x": tt.Float(0, 1)}, sampler=sampler, scheduler=scheduler, fidelity=FOLDS, seed=1,
        budget={"trials": 20})
    seen: dict[int, list[float] | None] = {}
    study.optimize(folds, n_trials=60, callbacks=[lambda study, trial: seen.update({trial.number: trial.values})])
    complete = study.get_trials([tt.TrialState.COMPLETE])
    assert complete
    for trial in complete:
        # The mean counts, and not what the objective returned.
        assert trial.value == pytest.approx(trial.params["x"] + 0.6)
        assert seen[trial.number] == trial.values
    for trial in study.get_trials([tt.TrialState.PRUNED, tt.TrialState.PAUSED]):
        assert trial.last_step is not None
        count = int(trial.last_step)
        mean = sum(fold(trial.params["x"], number) for number in range(1, count + 1)) / count
        assert seen[trial.number] == trial.values == [pytest.approx(mean)]


def test_a_trial_that_lacks_replicates_fails_and_says_which_comes_next() -> None:
    study = tt.create_study(fidelity=FOLDS, scheduler="full")

    def objective(trial: tt.Trial) -> float:
        for number in range(1, 6 if trial.number else 3):
            trial.report(0.5, number, metrics={"seconds": 1.5})
        return 0.5

    with pytest.raises(tt.InvalidReportError, match="up to fold 2, and was to run up to 5: .*trial.report.value, 3."):
        study.optimize(objective, n_trials=1)
    study.optimize(objective, n_trials=1)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE"]
    assert study.best_value == 0.5
    assert study.best_trial.metrics == {"seconds": 1.5}


def test_replicates_keep_metrics_told_at_the_end() -> None:
    study = tt.create_study(fidelity=FOLDS, scheduler="full", outcome_constraints=["size <= 3"])
    for size in (2.0, None):
        trial = study.ask()
        for number in range(1, 6):
            trial.report(0.25 * number, number)
        metrics = None if size is None else {"size": size}
        if size is None:
            with pytest.warns(tt.TrimtabWarning, match="'size' was never reported"):
                assert study.tell(trial, 0.0, metrics=metrics).state is tt.TrialState.FAIL
        else:
            assert study.tell(trial, 0.0, metrics=metrics).value == 0.75
    assert study.best_trial.metrics == {"size": 2.0}


def test_a_scheduler_of_replicates_says_what_the_fidelity_lacks() -> None:
    with pytest.raises(tt.InvalidStudyError, match="add replicates: true to the fidelity"):
        tt.create_study(fidelity=tt.Fidelity("fold", max=5), scheduler="racing")
    assert repr(FOLDS) == "Fidelity('fold', max=5, min=1, replicates=True)"


def test_trials_with_several_objectives_are_judged_on_the_way() -> None:
    study = tt.create_study(
        directions=["minimize", "maximize"], metric=["loss", "accuracy"], scheduler="mo-asha",
        fidelity=tt.Fidelity("epoch", max=9), seed=1, budget={"trials": 20})

    def objective(trial: tt.Trial) -> list[float]:
        assert trial.resource is not None
        x = trial.suggest_float("x", 0, 1)
        values = [1.0, 0.0]
        for epoch in range(int(trial.reached) + 1, int(trial.resource) + 1):
            values = [x + 1 / epoch, x - 1 / epoch]
            trial.report(values, epoch)
            if trial.should_prune():
                raise tt.TrialPruned
        return values

    study.optimize(objective)
    paused = study.get_trials([tt.TrialState.PAUSED])
    assert paused
    assert study.get_trials([tt.TrialState.COMPLETE])
    for trial in paused:
        x, epoch = trial.params["x"], trial.last_step
        assert epoch is not None
        assert trial.values == [x + 1 / epoch, x - 1 / epoch]
        assert trial.intermediate_values[epoch] == x + 1 / epoch


@pytest.mark.parametrize("value", [0.5, [0.5], [0.5, 1, 2], [0.5, "1"], "ab"])
def test_reports_that_lack_objectives_are_refused_where_trials_are_judged_by_them(value: Any) -> None:
    study = tt.create_study(
        directions=["minimize", "maximize"], metric=["loss", "accuracy"], scheduler="mo-asha",
        fidelity=tt.Fidelity("epoch", max=9))
    trial = study.ask()
    with pytest.raises((TypeError, ValueError), match="loss, accuracy, not 0.5|2 objectives|must be a number"):
        trial.report(value, 1)
    trial.report((0.5, 1), 1)
    assert study.trials[0].values == [0.5, 1.0]


def test_where_nothing_judges_the_first_objective_alone_may_be_reported() -> None:
    study = tt.create_study(directions=["minimize", "minimize"], fidelity=tt.Fidelity("epoch", max=9))
    trial = study.ask()
    trial.report(0.5, 1)
    assert study.tell(trial, [0.25, 3]).values == [0.25, 3.0]
    assert study.trials[0].intermediate_values == {1.0: 0.5, 9.0: 0.25}


def test_costs_are_reported_and_spent() -> None:
    space = {"width": tt.Int(1, 1000, log=True, default=4)}
    study = tt.create_study(space=space, sampler="carbs", cost="flops", seed=1, budget={"cost": 2000})

    def objective(trial: tt.Trial) -> float:
        width = trial.params["width"]
        trial.report_metrics({"flops": 2.0 * width})
        return 1 / width

    study.optimize(objective)
    assert study.specification["cost"] == "flops"
    spent = sum(trial.metrics["flops"] for trial in study.trials)
    assert 2000 <= spent
    assert spent - study.trials[-1].metrics["flops"] < 2000
    with pytest.raises(tt.InvalidStudyError, match="cost"):
        tt.create_study(cost="")


@pytest.mark.parametrize("sampler", ["rgpe", "cts", "ablr", "tpe"])
def test_earlier_studies_are_learnt_from(sampler: str, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.trimtab"
    space = {"x": tt.Float(0, 1), "y": tt.Float(0, 1)}

    def objective(trial: tt.Trial) -> float:
        return (trial.params["x"] - 0.2) ** 2 + (trial.params["y"] - 0.7) ** 2

    with tt.create_study(storage=earlier, space=space, sampler="random", seed=1) as first:
        first.optimize(objective, n_trials=40)
        best = first.best_params
    study = tt.create_study(space=space, sampler=sampler, transfer={"from": [earlier], "start": 1}, seed=2)
    study.optimize(objective, n_trials=4)
    assert study.trials[0].origin == "earlier"
    assert study.trials[0].params == best
    assert study.specification["transfer"] == {"from": [str(earlier)], "start": 1}


def test_what_cannot_be_learnt_from_is_refused(tmp_path: Path) -> None:
    space = {"x": tt.Float(0, 1)}
    absent = str(tmp_path / "absent.trimtab")
    with pytest.raises(tt.StoreError, match="absent.trimtab"):
        tt.create_study(space=space, transfer={"from": [absent]})
    with pytest.raises(tt.InvalidStudyError, match="from must be a list"):
        tt.create_study(space=space, transfer={"from": absent})
    with pytest.raises(tt.InvalidStudyError, match="declare the parameters in space"):
        tt.create_study(transfer={"from": [absent]})
    with pytest.raises(tt.InvalidStudyError, match="did you mean 'box'"):
        tt.create_study(space=space, transfer={"from": [absent], "bux": True})
    with pytest.raises(tt.InvalidStudyError, match="add transfer"):
        tt.create_study(space=space, sampler="rgpe")
