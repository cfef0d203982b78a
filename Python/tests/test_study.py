"""Studies in process: spaces that grow, declared spaces, results, and what is kept."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback

import pytest
from objectives import branches, fails_at_three, parabola, reports

import trimtab as tt


def test_a_study_finds_the_minimum() -> None:
    study = tt.create_study(seed=1)
    study.optimize(parabola, n_trials=60)
    assert study.best_value < 0.05
    assert abs(study.best_params["x"] - 1) < 0.25
    assert study.best_trial.value == study.best_value
    assert len(study.trials) == 60


def test_maximising_finds_the_maximum() -> None:
    study = tt.create_study(direction="maximize", seed=1)
    study.optimize(lambda trial: -parabola(trial), n_trials=60)
    assert study.best_value > -0.05
    assert study.direction is tt.StudyDirection.MAXIMIZE


def test_a_seed_makes_a_sequential_study_repeatable() -> None:
    def values() -> list[float]:
        study = tt.create_study(seed=5)
        study.optimize(branches, n_trials=40)
        return [trial.values[0] for trial in study.trials if trial.values]

    first = values()
    assert first == values()
    assert len(set(first)) > 10


def test_a_trial_holds_only_the_parameters_it_asked_for() -> None:
    study = tt.create_study(seed=2)
    study.optimize(branches, n_trials=50)
    for trial in study.trials:
        assert set(trial.params) == ({"kind", "x"} if trial.params["kind"] == "a" else {"kind", "n"})
    assert study.space.names[0] == "kind"
    assert set(study.space.names) == {"kind", "x", "n"}
    assert study.best_params["kind"] == "a"
    assert study.best_value < 0.1


def test_the_model_learns_in_a_space_of_branches() -> None:
    """TPE against random search on a conditional problem, by the median over seeds."""

    def objective(trial: tt.Trial) -> float:
        kind = trial.suggest_categorical("kind", ["a", "b", "c"])
        if kind == "a":
            return 15 + trial.suggest_float("u", 0, 1)
        if kind == "b":
            return (trial.suggest_float("v", -10, 10) - 3) ** 2 + (trial.suggest_float("w", -10, 10) + 4) ** 2
        return 20 + trial.suggest_int("n", 0, 9)

    def best(sampler: str, seed: int) -> float:
        study = tt.create_study(sampler=sampler, seed=seed)
        study.optimize(objective, n_trials=80)
        return study.best_value

    seeds = range(9)
    model = sorted(best("tpe", seed) for seed in seeds)[4]
    chance = sorted(best("random", seed) for seed in seeds)[4]
    assert model < 0.5 * chance


def test_parameters_that_come_later_are_learnt_too() -> None:
    def objective(trial: tt.Trial) -> float:
        x = trial.suggest_float("x", -5, 5)
        if trial.number < 20:
            return x * x + 30
        return x * x + (trial.suggest_float("y", -5, 5) - 2) ** 2

    study = tt.create_study(seed=3)
    study.optimize(objective, n_trials=120)
    assert study.best_value < 1.0
    assert [set(trial.params) for trial in study.trials][19:22] == [{"x"}, {"x", "y"}, {"x", "y"}]


def test_suggestions_keep_to_their_domains() -> None:
    def objective(trial: tt.Trial) -> float:
        assert 1e-5 <= trial.suggest_float("rate", 1e-5, 1, log=True) <= 1
        assert trial.suggest_float("quarter", 0, 1, step=0.25) in (0, 0.25, 0.5, 0.75, 1)
        whole = trial.suggest_int("whole", -3, 9, step=3)
        assert type(whole) is int and whole in (-3, 0, 3, 6, 9)
        power = trial.suggest_int("power", 1, 1024, log=True)
        assert type(power) is int and 1 <= power <= 1024
        choice = trial.suggest_categorical("choice", [None, True, 2, 2.5, "zwei", "日本"])
        assert choice in (None, True, 2, 2.5, "zwei", "日本")
        order = trial.suggest("order", tt.Permutation(["a", "b", "c"]))
        assert sorted(order) == ["a", "b", "c"]
        weights = trial.suggest("weights", tt.Simplex(["p", "q"]))
        assert abs(sum(weights) - 1) < 1e-9
        assert isinstance(trial.suggest("flag", tt.Bool()), bool)
        return float(whole)

    study = tt.create_study(seed=4)
    study.optimize(objective, n_trials=40)
    assert {type(trial.params["choice"]) for trial in study.trials} >= {type(None), bool, str}
    assert all(type(trial.params["whole"]) is int for trial in study.trials)


def test_the_same_suggestion_twice_is_the_same_value() -> None:
    trial = tt.create_study().ask()
    assert trial.suggest_float("x", 0, 1) == trial.suggest_float("x", 0, 1)
    assert trial.suggest_categorical("k", ["a", "b"]) == trial.suggest_categorical("k", ["a", "b"])


def test_a_declared_space_gives_all_values_at_once() -> None:
    space = tt.Space(
        {
            "optimizer": tt.Categorical(["sgd", "adam"]),
            "momentum": tt.Float(0, 0.99, when="optimizer == sgd"),
            "layers": tt.Int(1, 8),
            "width": tt.Int(16, 512, log=True),
        },
        constraints=["layers * width <= 1024"])
    study = tt.create_study(space=space, seed=1)

    def objective(trial: tt.Trial) -> float:
        assert ("momentum" in trial.params) == (trial.params["optimizer"] == "sgd")
        assert trial.params["layers"] * trial.params["width"] <= 1024
        assert trial.suggest_int("layers", 1, 8) == trial.params["layers"]
        return float(trial.params["layers"])

    study.optimize(objective, n_trials=30)
    assert study.space == space
    with pytest.raises(tt.ConflictError, match="no parameter 'depth'"):
        study.ask().suggest_int("depth", 1, 2)


def test_a_space_survives_its_text() -> None:
    space = tt.Space({
        "f": tt.Float(0, 1, step=0.5, default=0.5), "i": tt.Int(1, 9, log=True), "c": tt.Categorical([None, "a", 1]),
        "o": tt.Categorical([1, 2], ordered=True), "b": tt.Bool(), "k": tt.Constant("x"),
        "p": tt.Permutation(["a", "b"]), "s": tt.Simplex(["u", "v"])})
    study = tt.create_study(space=space)
    assert study.space == space
    assert study.ask().params["f"] == 0.5


def test_a_finished_budget_ends_optimize() -> None:
    study = tt.create_study(budget={"trials": 7})
    study.optimize(parabola)
    assert len(study.trials) == 7
    with pytest.raises(tt.StudyFinished, match="7 trials"):
        study.ask()


def test_a_small_declared_space_ends_when_all_was_tried() -> None:
    study = tt.create_study(space={"k": tt.Categorical(["a", "b", "c"])})
    study.optimize(lambda trial: 0.0, n_trials=50)
    assert sorted(trial.params["k"] for trial in study.trials) == ["a", "b", "c"]


def test_a_growing_space_repeats_rather_than_ends() -> None:
    study = tt.create_study(seed=1)
    study.optimize(lambda trial: float(trial.suggest_categorical("k", [1, 2])), n_trials=30)
    assert len(study.trials) == 30


def test_timeout_ends_optimize() -> None:
    study = tt.create_study()
    begun = time.monotonic()

    def objective(trial: tt.Trial) -> float:
        time.sleep(0.02)
        return 0.0

    study.optimize(objective, timeout=0.2)
    assert time.monotonic() - begun < 2
    assert 1 <= len(study.trials) <= 15


def test_stop_ends_optimize_from_within() -> None:
    study = tt.create_study()

    def objective(trial: tt.Trial) -> float:
        if trial.number == 4:
            study.stop()
        return 0.0

    study.optimize(objective, n_trials=100)
    assert len(study.trials) == 5
    study.optimize(lambda trial: 0.0, n_trials=2)
    assert len(study.trials) == 7


def test_callbacks_see_the_study_and_each_trial() -> None:
    seen: list[tuple[int, float | None]] = []
    study = tt.create_study()
    study.optimize(parabola, n_trials=3, callbacks=[lambda study, trial: seen.append((trial.number, trial.value))])
    assert seen == [(trial.number, trial.value) for trial in study.trials]


def test_an_exception_keeps_its_traceback_and_fails_its_trial() -> None:
    study = tt.create_study()
    with pytest.raises(ValueError, match="three is refused") as caught:
        study.optimize(fails_at_three, n_trials=10)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "fails_at_three" in frames
    assert [trial.state for trial in study.trials][-1] is tt.TrialState.FAIL
    assert study.trials[-1].failure == "crash"


def test_a_caught_exception_only_fails_its_trial() -> None:
    study = tt.create_study()
    study.optimize(fails_at_three, n_trials=6, catch=ValueError)
    assert [trial.state.name for trial in study.trials].count("FAIL") == 1
    assert len(study.trials) == 6


def test_a_value_that_is_no_number_fails_its_trial() -> None:
    study = tt.create_study()
    study.optimize(lambda trial: math.nan if trial.number else 1.0, n_trials=3)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "FAIL"]
    assert study.trials[1].failure == "invalidValue"
    with pytest.raises(TypeError, match="must be a number"):
        study.optimize(lambda trial: "0.5", n_trials=1)  # type: ignore[arg-type, return-value]


def test_an_interrupt_gives_the_trial_back() -> None:
    study = tt.create_study()

    def objective(trial: tt.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.number == 2 and trial.attempt == 1 and not interrupted:
            interrupted.append(x)
            raise KeyboardInterrupt
        return x

    interrupted: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_trials=5)
    assert study.trials[2].state is tt.TrialState.WAITING
    study.optimize(objective, n_trials=1)
    assert study.trials[2].state is tt.TrialState.COMPLETE
    assert study.trials[2].params["x"] == interrupted[0]


def test_early_stopping_spares_most_of_the_work() -> None:
    study = tt.create_study(fidelity=tt.Fidelity("epoch", max=9), seed=1)
    study.optimize(reports, n_trials=40)
    states = [trial.state for trial in study.trials]
    assert states.count(tt.TrialState.PRUNED) > 10
    assert states.count(tt.TrialState.COMPLETE) > 2
    curve = study.best_trial.intermediate_values
    assert list(curve) == [float(epoch) for epoch in range(1, 10)]


def test_paused_trials_go_on_where_they_were() -> None:
    study = tt.create_study(
        fidelity=tt.Fidelity("epoch", max=9), scheduler={"name": "asha", "variant": "promotion"}, seed=1,
        budget={"trials": 12})
    runs: list[tuple[int, float, float]] = []

    def objective(trial: tt.Trial) -> float:
        assert trial.resource is not None
        x = trial.suggest_float("x", 0, 1)
        assert isinstance(trial.reached, int)
        assert isinstance(trial.resource, int)
        runs.append((trial.number, trial.reached, trial.resource))
        for epoch in range(trial.reached + 1, trial.resource + 1):
            trial.report(x + 1 / epoch, epoch)
            if trial.should_prune():
                raise tt.TrialPruned
        return x + 1 / trial.resource

    study.optimize(objective)
    assert any(reached > 0 for _, reached, _ in runs)
    assert {target for _, _, target in runs} >= {1.0, 3.0}
    assert study.best_trial.number in {number for number, _, _ in runs}


def test_a_trial_that_goes_on_to_the_end_unasked_is_complete() -> None:
    study = tt.create_study(
        fidelity=tt.Fidelity("share", min=0.1, max=0.9, integer=False), sampler="random",
        scheduler={"name": "asha", "variant": "promotion"}, seed=1, budget={"trials": 6})

    def objective(trial: tt.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        share = 0.0
        for _ in range(9):
            # It ends at 0.8999999999999999.
            share += 0.1
            trial.report(x + share, share)
        assert not isinstance(trial.resource, int)
        return x

    ended: list[tt.TrialState] = []
    study.optimize(objective, callbacks=[lambda study, trial: ended.append(trial.state)])
    assert [trial.state for trial in study.trials] == ended == [tt.TrialState.COMPLETE] * 6
    assert all(trial.value == trial.params["x"] for trial in study.trials)


@pytest.mark.parametrize(("directions", "scheduler"), [(["minimize"], "asha"), (["minimize", "maximize"], "mo-asha")])
def test_a_value_is_recorded_where_the_trial_had_come_to(directions: list[str], scheduler: str) -> None:
    study = tt.create_study(
        fidelity=tt.Fidelity("epoch", max=9), directions=directions, sampler="random",
        scheduler={"name": scheduler, "variant": "promotion"}, seed=1)
    trial = study.ask()
    assert trial.resource == 1
    for epoch in (1, 2, 3, 4):
        trial.report([1 / epoch, epoch][:len(directions)], epoch)
    assert study.tell(trial, [0.2, 0.3][:len(directions)]).state is tt.TrialState.PAUSED
    frozen = study.trials[0]
    assert (frozen.resource, frozen.intermediate_values[1.0], frozen.last_step) == (4.0, 1.0, 4.0)
    if len(directions) > 1:
        assert frozen.values is not None
        assert frozen.values[1] == 0.3


def test_several_objectives_give_a_front() -> None:
    study = tt.create_study(directions=["minimize", "maximize"], seed=1)

    def objective(trial: tt.Trial) -> tuple[float, float]:
        x = trial.suggest_float("x", 0, 1)
        return x, x

    study.optimize(objective, n_trials=10)
    assert len(study.best_trials) == 10
    assert all(trial.values is not None and len(trial.values) == 2 for trial in study.best_trials)
    with pytest.raises(ValueError, match="2 objectives"):
        study.tell(study.ask(), 1.0)
    with pytest.raises(ValueError, match="several objectives"):
        _ = study.best_trial


def test_asking_and_telling() -> None:
    study = tt.create_study()
    one, two = study.ask(), study.ask()
    assert (one.number, two.number) == (0, 1)
    study.tell(two, 2.0)
    study.tell(one, 1)
    assert study.best_trial.number == 0
    three = study.ask()
    assert study.tell(three, state=tt.TrialState.FAIL).state is tt.TrialState.FAIL
    with pytest.raises(tt.NotRunningError):
        study.tell(three, 1.0)


def test_a_trial_is_a_context() -> None:
    study = tt.create_study()
    with study.ask() as trial:
        trial.complete(trial.suggest_float("x", 0, 1))
    with pytest.raises(RuntimeError), study.ask() as trial:
        raise RuntimeError("no")
    with study.ask() as trial:
        raise tt.TrialPruned
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "PRUNED"]


def test_enqueued_values_are_tried_first() -> None:
    study = tt.create_study(seed=1)
    study.enqueue_trial({"kind": "b", "n": 4}, user_attrs={"from": "me"})
    study.optimize(branches, n_trials=3)
    assert study.trials[0].params == {"kind": "b", "n": 4}
    assert study.trials[0].user_attrs == {"from": "me"}
    assert study.trials[0].origin == "user"
    with pytest.raises(ValueError, match="n: 99 is not a possible value .the range is 1 … 9"):
        study.enqueue_trial({"n": 99, "kind": "b"})


def test_attributes_are_kept() -> None:
    study = tt.create_study()
    study.set_user_attr("data", {"path": "x", "rows": [1, 2.5, None]})
    trial = study.ask()
    trial.set_user_attr("ü", "日本")
    assert study.user_attrs == {"data": {"path": "x", "rows": [1, 2.5, None]}}
    assert study.trials[0].user_attrs == {"ü": "日本"}
    with pytest.raises(TypeError, match="cannot be kept"):
        trial.set_user_attr("x", object())


def test_trials_from_elsewhere_are_learnt_from() -> None:
    study = tt.create_study(seed=1)
    for i in range(30):
        x = -5 + i / 3
        study.add_trial({"x": x}, {"x": tt.Float(-5, 5)}, (x - 1) ** 2, intermediate_values={1: 9.0, 2: 8.0})
    study.optimize(parabola, n_trials=10)
    assert study.best_value < 0.05
    assert study.trials[0].intermediate_values == {1.0: 9.0, 2.0: 8.0}
    assert {trial.origin for trial in study.trials[30:]} == {"model"}


def test_trials_make_a_table() -> None:
    pandas = pytest.importorskip("pandas")
    study = tt.create_study(seed=1)
    study.optimize(branches, n_trials=20)
    table = study.trials_dataframe()
    assert isinstance(table, pandas.DataFrame)
    assert list(table["number"]) == list(range(20))
    assert {"value", "params_kind", "params_x", "params_n", "state", "duration"} <= set(table.columns)
    assert tt.create_study().trials_dataframe().empty


def test_a_store_is_shared_with_the_program(store: str) -> None:
    study = tt.create_study(study_name="shared", storage=store, seed=1)
    study.optimize(parabola, n_trials=5)
    told = subprocess.run(
        [sys.executable, "-m", "trimtab", "status", store, "--json"], capture_output=True, text=True, check=True)
    assert '"completed": 5' in told.stdout
    study.close()
    again = tt.load_study("shared", store)
    again.optimize(parabola, n_trials=5)
    assert [trial.number for trial in again.trials] == list(range(10))
    assert tt.load_study(storage=store).study_name == "shared"


def test_two_handles_on_one_store_see_each_other(store: str) -> None:
    one = tt.create_study(study_name="both", storage=store)
    two = tt.load_study("both", store)
    one.optimize(branches, n_trials=10)
    two.optimize(branches, n_trials=10)
    one.optimize(branches, n_trials=10)
    assert len(one.trials) == len(two.trials) == 30
    assert sorted(one.space.names) == sorted(two.space.names)


def test_a_study_exists_only_once(store: str) -> None:
    tt.create_study(study_name="once", storage=store, direction="maximize").close()
    with pytest.raises(tt.StoreError, match="already"):
        tt.create_study(study_name="once", storage=store)
    tt.create_study(study_name="once", storage=store, load_if_exists=True).close()
    with pytest.raises(tt.ConflictError, match="other directions"):
        tt.create_study(study_name="once", storage=store, direction="minimize", load_if_exists=True)
    with pytest.raises(tt.StoreError, match="twice"):
        tt.load_study("twice", store)


def test_a_study_in_a_file_can_be_pickled(store: str) -> None:
    study = tt.create_study(study_name="pickled", storage=store)
    study.optimize(parabola, n_trials=2)
    assert len(pickle.loads(pickle.dumps(study)).trials) == 2
    with pytest.raises(TypeError, match="in memory cannot be pickled"):
        pickle.dumps(tt.create_study())


def test_threads_share_a_study() -> None:
    study = tt.create_study(seed=1)
    running: set[int] = set()
    most = 0
    lock = threading.Lock()

    def objective(trial: tt.Trial) -> float:
        nonlocal most
        with lock:
            running.add(trial.number)
            most = max(most, len(running))
        time.sleep(0.005)
        value = branches(trial)
        with lock:
            running.discard(trial.number)
        return value

    study.optimize(objective, n_trials=40, n_jobs=4)
    assert most > 1
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 40


def test_an_exception_in_a_thread_comes_out() -> None:
    study = tt.create_study()
    with pytest.raises(ValueError, match="three is refused"):
        study.optimize(fails_at_three, n_trials=20, n_jobs=3)


def test_several_studies_work_at_once() -> None:
    studies = [tt.create_study(seed=seed) for seed in range(4)]
    threads = [threading.Thread(target=study.optimize, args=(branches, 30)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(study.trials) for study in studies] == [30] * 4


def test_engine_calls_let_other_threads_work() -> None:
    """While one thread waits for the engine, another one counts."""
    study = tt.create_study()
    study.optimize(lambda trial: sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(50)), n_trials=300)
    counted = 0
    is_over = False

    def count() -> None:
        nonlocal counted
        while not is_over:
            counted += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    for _ in range(20):
        study._transport.result("trials")
    is_over = True
    thread.join()
    assert counted > 20


def test_importing_loads_only_what_is_used() -> None:
    code = "import sys; before = set(sys.modules); import trimtab; print(*sorted(set(sys.modules) - before))"
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(tt.__file__))}
    told = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert told.stdout.split() == ["trimtab"]
