"""TrimtabSampler: Optuna's own conformance kit, and what the kit does not ask."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.testing.pytest_samplers import BasicSamplerTestCase, MultiObjectiveSamplerTestCase, RelativeSamplerTestCase
from optuna.trial import TrialState

from trimtab.optuna import TrimtabSampler

optuna.logging.set_verbosity(optuna.logging.ERROR)


class TestConformance(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture(params=["tpe from the start", "default", "random"])
    def sampler(self, request: pytest.FixtureRequest) -> Callable[[], BaseSampler]:
        if request.param == "tpe from the start":
            if "multi_objective" in request.node.name:
                return lambda: TrimtabSampler("sobol", seed=2)
            return lambda: TrimtabSampler({"name": "tpe", "startup": 1}, seed=1)
        return TrimtabSampler if request.param == "default" else lambda: TrimtabSampler("random")


def sphere(trial: optuna.Trial) -> float:
    return sum((trial.suggest_float(f"x{i}", -5, 5) - i) ** 2 for i in range(4))


def conditional(trial: optuna.Trial) -> float:
    """The best is in the branch that has two parameters of its own."""
    if trial.suggest_categorical("kind", ["flat", "deep"]) == "flat":
        return 1 + (trial.suggest_float("flat", 0, 1) - 0.2) ** 2
    layers = trial.suggest_int("layers", 1, 3)
    return sum(abs(trial.suggest_float(f"width{i}", 0, 1) - 0.7) for i in range(layers))


def best(sampler: BaseSampler, objective: Callable[[optuna.Trial], float], trials: int, **options: Any) -> float:
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=trials, **options)
    return study.best_value


@pytest.mark.parametrize("objective", [sphere, conditional])
def test_finds_better_values_than_random_search(objective: Callable[[optuna.Trial], float]) -> None:
    ours = statistics.median(best(TrimtabSampler(seed=seed), objective, 80) for seed in range(7))
    theirs = statistics.median(best(RandomSampler(seed=seed), objective, 80) for seed in range(7))
    assert ours < theirs / 1.5


def test_maximises_where_the_study_does() -> None:
    study = optuna.create_study(direction="maximize", sampler=TrimtabSampler(seed=1))
    study.optimize(lambda trial: -(trial.suggest_float("x", -10, 10) - 3) ** 2, n_trials=60)
    assert abs(study.best_params["x"] - 3) < 0.5


def test_a_seed_makes_a_study_repeatable_and_another_seed_another_study() -> None:
    def values(seed: int) -> list[Any]:
        study = optuna.create_study(sampler=TrimtabSampler(seed=seed))
        study.optimize(conditional, n_trials=30)
        return [trial.params for trial in study.trials]

    assert values(1) == values(1)
    assert values(1) != values(2)


def test_threads_do_not_try_the_same_twice() -> None:
    study = optuna.create_study(sampler=TrimtabSampler({"name": "tpe", "startup": 4}, seed=1))
    study.optimize(sphere, n_trials=60, n_jobs=4)
    assert len(study.trials) == 60
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 60


def test_asked_trials_that_run_are_accounted_for() -> None:
    def spread(pending: int) -> float:
        study = optuna.create_study(sampler=TrimtabSampler({"name": "tpe", "startup": 5}, seed=3))
        study.optimize(lambda trial: abs(trial.suggest_float("x", 0, 1) - 0.5), n_trials=30)
        return statistics.pstdev(study.ask().suggest_float("x", 0, 1) for _ in range(pending))

    assert spread(20) > 0.01


def journal(path: str) -> JournalStorage:
    """What processes share, and faster than SQLite where a disk is slow."""
    return JournalStorage(JournalFileBackend(path))


def work(path: str, seed: int, trials: int) -> None:
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="shared", storage=journal(path), sampler=TrimtabSampler(seed=seed))
    study.optimize(sphere, n_trials=trials)


def test_processes_on_one_storage_learn_from_each_other(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    storage = journal(path)
    optuna.create_study(study_name="shared", storage=storage)
    # Even with one seed: each accounts for what the other runs.
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(path, 1, 15)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    study = optuna.load_study(study_name="shared", storage=storage, sampler=TrimtabSampler(seed=2))
    assert len(study.trials) == 30
    study.optimize(sphere, n_trials=40)
    assert len({tuple(trial.params.values()) for trial in study.trials}) > 60
    values = [trial.values[0] for trial in study.trials]
    assert statistics.median(values[-20:]) < statistics.median(values[:15])


def test_takes_over_what_another_sampler_has_tried() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=1))
    study.optimize(sphere, n_trials=100)
    study.sampler = TrimtabSampler(seed=1)
    study.optimize(sphere, n_trials=30)
    values = [trial.values[0] for trial in study.trials]
    # From the first trial on, without random ones to start with.
    assert statistics.median(values[100:110]) < statistics.median(values[:100]) / 1.5


def test_trials_that_run_elsewhere_are_followed_to_their_end() -> None:
    storage = optuna.storages.InMemoryStorage()
    here = optuna.create_study(storage=storage, study_name="s", sampler=TrimtabSampler(seed=1))
    there = optuna.load_study(storage=storage, study_name="s", sampler=TrimtabSampler(seed=1))
    other = there.ask()
    own = here.ask()
    # The same seed and the same state, but for the trial that is seen to run.
    assert own.suggest_float("x", 0, 1) != other.suggest_float("x", 0, 1)
    for number in range(12):
        trial = here.ask()
        assert 0 <= trial.suggest_float("x", 0, 1) <= 1
        if number == 3:
            other.suggest_int("late", 1, 5)
        if number == 6:
            there.tell(other, 0.5)
        here.tell(trial, 1.0)
    mirror = next(iter(here.sampler._mirrors.all()))[2]
    told = mirror.study.trials
    assert [trial.state.name for trial in told].count("RUNNING") == 1
    assert sorted(len(trial.params) for trial in told if trial.values == [0.5]) == [2]


def test_a_sampler_survives_pickling_copying_and_deep_copies_of_its_study() -> None:
    study = optuna.create_study(sampler=TrimtabSampler({"name": "tpe", "startup": 3}, seed=5))
    study.optimize(sphere, n_trials=10)
    again = pickle.loads(pickle.dumps(study))
    deep = copy.deepcopy(study.sampler)
    assert repr(again.sampler) == repr(deep) == repr(study.sampler)
    again.optimize(sphere, n_trials=10)
    study.sampler = deep
    study.optimize(sphere, n_trials=10)
    # Both began from the same trials with the same seed.
    assert [trial.params for trial in study.trials] == [trial.params for trial in again.trials]


def test_reseeding_changes_what_comes_next() -> None:
    def following(reseed: bool) -> dict[str, float]:
        study = optuna.create_study(sampler=TrimtabSampler(seed=5))
        study.optimize(sphere, n_trials=10)
        if reseed:
            study.sampler.reseed_rng()
        study.optimize(sphere, n_trials=1)
        params: dict[str, float] = study.trials[-1].params
        return params

    assert following(False) == following(False)
    assert following(True) != following(False)


def test_reseeding_before_every_trial_does_not_make_the_mirror_anew_each_time() -> None:
    study = optuna.create_study(sampler=TrimtabSampler(seed=5))
    mirrors = []
    for _ in range(64):
        study.sampler.reseed_rng()
        study.optimize(sphere, n_trials=1)
        mirrors.append(study.sampler._mirrors.all()[0][2])
    assert len(set(mirrors)) < 9
    assert len(mirrors[-1].study.trials) == 64


def test_pruned_failed_and_infinite_trials_are_told_apart() -> None:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("x", 0, 1)
        kind = trial.number % 5
        if kind == 0:
            trial.report(0.25, 3)
            raise optuna.TrialPruned
        if kind == 1:
            raise optuna.TrialPruned
        if kind == 2:
            raise OSError("disk")
        return float("inf") if kind == 3 else 0.5

    for sampler in (TrimtabSampler(seed=1), RandomSampler(seed=1)):
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=10, catch=OSError)
        # Told while it runs, or read from a storage afterwards: the same.
        study.sampler = sampler if isinstance(sampler, TrimtabSampler) else TrimtabSampler(seed=1)
        study.ask().suggest_float("x", 0, 1)
        told = study.sampler._mirrors.all()[0][2].study.trials[:10]
        assert [trial.state.name for trial in told] == 2 * ["COMPLETE", "PRUNED", "FAIL", "FAIL", "COMPLETE"]
        assert [trial.values for trial in told[:2]] == [[0.25], None]


def test_enqueued_values_are_what_the_model_learns_from() -> None:
    study = optuna.create_study(sampler=TrimtabSampler(seed=1))
    study.enqueue_trial({"x": 0.125})
    study.enqueue_trial({"x": 0.25, "y": 7})
    study.enqueue_trial({"x": 77.0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("y", 0, 9), n_trials=5)
    told = study.sampler._mirrors.all()[0][2].study.trials
    assert 0.125 in told[0].params.values()
    assert set(told[1].params.values()) == {0.25, 7}
    # Outside of its range, which Optuna allows: the rest of the trial counts.
    assert list(told[2].params.values()) == [study.trials[2].params["y"]]


def test_choices_and_names_may_be_anything() -> None:
    study = optuna.create_study(sampler=TrimtabSampler({"name": "tpe", "startup": 2}, seed=1))
    choices = [None, "None", True, 1.5, "größer\x00", (1, 2)]

    def objective(trial: optuna.Trial) -> float:
        index = [choice is trial.suggest_categorical("wähle\n", choices) for choice in choices].index(True)
        return index + trial.suggest_float("", -1e300, 1e300) * 0 + trial.suggest_int("n", -(2**40), 2**40) * 0

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optimize(objective, n_trials=30)
    assert study.best_value == 0


def test_ranges_that_move_with_another_parameter_keep_their_own_values() -> None:
    study = optuna.create_study(sampler=TrimtabSampler({"name": "tpe", "startup": 3}, seed=1))

    def objective(trial: optuna.Trial) -> float:
        n = trial.suggest_int("n", 2, 6)
        return n + trial.suggest_int("k", 1, n)

    study.optimize(objective, n_trials=60)
    assert study.best_value == 3


def test_several_objectives() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=TrimtabSampler(seed=1))
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)), n_trials=20)
    assert study.best_trials
    with pytest.raises(ValueError, match="tpe takes one objective"):
        optuna.create_study(directions=["minimize"] * 2, sampler=TrimtabSampler("tpe")).ask(
            {"x": FloatDistribution(0, 1)})


def test_an_unknown_sampler_is_refused_with_the_names_of_those_there_are() -> None:
    study = optuna.create_study(sampler=TrimtabSampler("tpee"))
    with pytest.raises(ValueError, match="did you mean 'tpe'"):
        study.ask().suggest_float("x", 0, 1)
    with pytest.raises(TypeError, match="a name or a dict"):
        TrimtabSampler(3)  # type: ignore[arg-type]


def test_partial_fixed_and_hyperband_work_around_it() -> None:
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    study = optuna.create_study(sampler=TrimtabSampler(seed=1), pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        x: float = trial.suggest_float("x", 0, 1)
        for step in range(1, 10):
            trial.report(x, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    study.optimize(objective, n_trials=30)
    assert study.best_value < 0.2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_begins_a_mirror_of_its_own() -> None:
    study = optuna.create_study(sampler=TrimtabSampler(seed=1))
    study.optimize(sphere, n_trials=5)
    context = multiprocessing.get_context("fork")
    results = context.Queue()

    def child() -> None:
        study.optimize(sphere, n_trials=3)
        results.put([trial.state.name for trial in study.trials])

    process = context.Process(target=child)
    process.start()
    assert results.get(timeout=30) == ["COMPLETE"] * 8
    process.join(30)
    study.optimize(sphere, n_trials=3)
    assert len(study.trials) == 8
