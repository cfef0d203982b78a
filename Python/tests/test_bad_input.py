"""What is wrong gets an exception that says so, and the study goes on."""

from __future__ import annotations

import copy
import gc
import math
import os
import pickle
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import trimtab as tt


def told(call: Callable[[], Any], error: type[Exception], match: str) -> None:
    """The call raises this with a text in which something matches, and nothing worse."""
    with pytest.raises(error) as caught:
        call()
    assert re.search(match, str(caught.value)), caught.value


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (("x", "0", 1), TypeError, "low must be a number"),
        (("x", None, 1), TypeError, "low must be a number"),
        (("x", 0, [1]), TypeError, "high must be a number"),
        (("x", math.nan, 1), ValueError, "finite"),
        (("x", 0, math.inf), ValueError, "finite"),
        (("x", 10**400, 1), ValueError, "too large"),
        (("x", 1, 0), tt.InvalidStudyError, "low"),
        ((3, 0, 1), TypeError, "name of a parameter"),
        ((None, 0, 1), TypeError, "name of a parameter"),
        (("", 0, 1), tt.InvalidStudyError, "name"),
        (("a\0b", 0, 1), ValueError, "control character"),
        (("`", 0, 1), tt.InvalidStudyError, "control character, '`' or '='"),
        (("a\ud800", 0, 1), ValueError, "surrogate"),
    ])
def test_impossible_floats_are_refused(arguments: Any, error: type[Exception], match: str) -> None:
    study = tt.create_study()
    trial = study.ask()
    told(lambda: trial.suggest_float(*arguments), error, match)
    # The same with a name that is known by then, on the short way.
    trial.suggest_float("x", 0, 1)
    study.tell(trial, 1.0)
    trial = study.ask()
    told(lambda: trial.suggest_float(*arguments), Exception, "")
    assert 0 <= trial.suggest_float("x", 0, 1) <= 1
    study.tell(trial, 1.0)


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("n", 0.5, 3), {}, TypeError), (("n", "0", 3), {}, TypeError), (("n", True, 3), {}, TypeError),
        (("n", 3, 1), {}, tt.InvalidStudyError), (("n", 0, 2**80), {}, tt.TrimtabError),
        (("n", 0, 9), {"step": 0}, tt.InvalidStudyError), (("n", 0, 9), {"step": 0.5}, TypeError),
        (("n", 0, 9), {"log": True}, tt.InvalidStudyError), (("n", 0, 9), {"nothing": 1}, TypeError),
        (("n", 0), {}, TypeError), ((), {}, TypeError),
    ])
def test_impossible_whole_numbers_are_refused(arguments: Any, options: Any, error: type[Exception]) -> None:
    study = tt.create_study()
    trial = study.ask()
    told(lambda: trial.suggest_int(*arguments, **options), error, "")
    trial.suggest_int("n", 0, 9)
    study.tell(trial, 1.0)
    trial = study.ask()
    told(lambda: trial.suggest_int(*arguments, **options), Exception, "")
    assert trial.suggest_int("n", 0, 9) in range(10)


def test_a_step_that_does_not_meet_the_end_is_refused() -> None:
    trial = tt.create_study().ask()
    told(lambda: trial.suggest_float("x", 0, 1, step=0.3), tt.InvalidStudyError, "step")
    told(lambda: trial.suggest_float("x", 0, 1, step=math.nan), ValueError, "finite")


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ("abc", TypeError), ([object()], TypeError), ([[1]], TypeError), ([math.nan], ValueError),
        (["None"], ValueError), ([], tt.InvalidStudyError), (["a", "a"], tt.InvalidStudyError), (5, TypeError),
        ([b"x"], TypeError),
    ])
def test_impossible_choices_are_refused(choices: Any, error: type[Exception]) -> None:
    trial = tt.create_study().ask()
    told(lambda: trial.suggest_categorical("c", choices), error, "")


def test_another_range_for_a_name_is_refused_and_says_what_to_do() -> None:
    study = tt.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    trial = study.ask()
    told(lambda: trial.suggest_float("x", 0, 2), tt.ConflictError, "another name for another range")
    told(lambda: trial.suggest_float("x", 0, 1, log=True), Exception, "")
    told(lambda: trial.suggest_int("x", 0, 1), tt.ConflictError, "its type and range")
    told(lambda: trial.suggest_categorical("x", [0, 1]), tt.ConflictError, "its type and range")
    trial.suggest_float("y", 0, 1)
    told(lambda: trial.suggest_float("y", 0, 3), tt.ConflictError, "before in this trial")
    assert trial.suggest_float("x", 0, 1) <= 1
    study.tell(trial, 0.5)
    assert study.trials[1].state is tt.TrialState.COMPLETE


def test_two_trials_that_bring_one_name_with_two_ranges_conflict() -> None:
    study = tt.create_study()
    one, two = study.ask(), study.ask()
    one.suggest_float("x", 0, 1)
    two.suggest_float("x", 0, 2)
    study.tell(one, 1.0)
    told(lambda: study.tell(two, 1.0), tt.TrimtabError, "another type or range")
    study.tell(two, state=tt.TrialState.FAIL)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL"]


def test_names_of_any_language_are_kept(store: str) -> None:
    names = ["größe", "学习率", "скорость", "a b", "x.y", '"', "\\", "🙂", "if", "-", "x" * 100]
    study = tt.create_study(study_name="names", storage=store, seed=1)
    study.optimize(lambda trial: sum(trial.suggest_float(name, 0, 1) for name in names), n_trials=3)
    study.close()
    again = tt.load_study("names", store)
    assert all(set(trial.params) == set(names) for trial in again.trials)
    assert again.best_value == sum(again.best_params.values())


def test_many_choices_work() -> None:
    study = tt.create_study(seed=1)
    choices = [f"choice {index}" for index in range(20_000)]
    study.optimize(lambda trial: float(len(trial.suggest_categorical("c", choices))), n_trials=5)
    assert all(trial.params["c"] in choices for trial in study.trials)


def test_many_parameters_work() -> None:
    study = tt.create_study(seed=1, sampler="random")
    study.optimize(lambda trial: sum(trial.suggest_float(f"x{i}", 0, 1) for i in range(500)), n_trials=5)
    assert all(len(trial.params) == 500 for trial in study.trials)
    assert study.best_value == sum(study.best_params.values())


@pytest.mark.parametrize(
    ("value", "state"),
    [(math.nan, "FAIL"), (math.inf, "FAIL"), (-math.inf, "FAIL"), (True, "COMPLETE"), (2, "COMPLETE"),
     ([0.5], "COMPLETE")])
def test_values_that_are_numbers_are_told(value: Any, state: str) -> None:
    study = tt.create_study()
    assert study.tell(study.ask(), value).state.name == state


@pytest.mark.parametrize("value", ["1", b"1", {}, object(), [], [1, 2], [[1]], {"a": 1}, 10**400])
def test_values_that_are_none_are_refused_and_fail_the_trial(value: Any) -> None:
    study = tt.create_study()
    told(lambda: study.optimize(lambda trial: value, n_trials=1), Exception, "")
    assert [trial.state.name for trial in study.trials] == ["FAIL"]
    trial = study.ask()
    told(lambda: study.tell(trial, value), Exception, "")
    assert study.tell(trial, 1.0).state is tt.TrialState.COMPLETE


def test_what_is_no_trial_cannot_be_told() -> None:
    study, other = tt.create_study(), tt.create_study()
    for wrong in (0, "trial", None, 1.5):
        told(lambda wrong=wrong: study.tell(wrong, 1.0), TypeError, "the trial that ask gave")
    told(lambda: study.tell(other.ask(), 1.0), ValueError, "another study")
    trial = study.ask()
    told(lambda: study.tell(trial), TypeError, "a value, or a state")
    told(lambda: study.tell(trial, 1.0, "complete"), TypeError, "TrialState")  # type: ignore[arg-type]
    told(lambda: study.tell(trial, 1.0, tt.TrialState.RUNNING), ValueError, "cannot be told")


@pytest.mark.parametrize(
    ("value", "step", "error"),
    [("x", 1, TypeError), (None, 1, TypeError), (1.0, "1", TypeError), (1.0, 0, ValueError), (1.0, -1, ValueError),
     (1.0, math.nan, ValueError), (1.0, math.inf, tt.InvalidReportError)])
def test_impossible_reports_are_refused(value: Any, step: Any, error: type[Exception]) -> None:
    study = tt.create_study(fidelity=tt.Fidelity("epoch", max=9))
    trial = study.ask()
    told(lambda: trial.report(value, step), error, "")
    trial.report(math.nan, 1)
    trial.report(0.5, 2)
    study.tell(trial, 0.5)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"sampler": "nothing"}, tt.InvalidStudyError, "nothing"),
        ({"sampler": {"name": "tpe", "startup": -1}}, tt.InvalidStudyError, "startup"),
        ({"sampler": 5}, TypeError, "sampler"),
        ({"scheduler": "asha"}, tt.InvalidStudyError, "fidelity"),
        ({"direction": "up"}, ValueError, "up"),
        ({"directions": []}, ValueError, ""),
        ({"direction": "minimize", "directions": ["minimize"]}, TypeError, "either"),
        ({"metric": ["a", "b"]}, ValueError, "metrics"),
        ({"space": {"x": 5}}, TypeError, "tt.Float"),
        ({"space": {"x": tt.Float(1, 0)}}, tt.InvalidStudyError, "low"),
        ({"space": {"x": tt.Float(0, 1, when="y == 1")}}, tt.InvalidStudyError, "y"),
        ({"space": tt.Space({"x": tt.Float(0, 1)}, constraints=["x <"])}, tt.InvalidStudyError, ""),
        ({"seed": "x"}, tt.InvalidStudyError, "seed"),
        ({"budget": {"trials": 0}}, tt.InvalidStudyError, ""),
        ({"budget": {"trails": 5}}, tt.InvalidStudyError, "trials"),
        ({"storage": 5}, TypeError, ""),
        ({"storage": ""}, tt.InvalidStudyError, "path"),
        ({"storage": "mysql://x"}, tt.InvalidStudyError, "path"),
        ({"storage": "/no/such/folder/x.db"}, tt.StoreError, "/no/such/folder"),
        ({"study_name": "a\0b"}, tt.TrimtabError, ""),
        ({"study_name": "名前"}, tt.InvalidStudyError, "letters, digits"),
        ({"study_name": "x" * 5000}, tt.InvalidStudyError, "name"),
        ({"durability": "none"}, tt.InvalidStudyError, "durability"),
        ({"fidelity": tt.Fidelity(max=0)}, tt.InvalidStudyError, ""),
        ({"fidelity": {"name": "epoch", "max": 9}}, TypeError, "such as tt.Fidelity"),
        ({"sampler": {"name": "tpe", "startup": object()}}, TypeError, "sampler.startup cannot be <object"),
        ({"scheduler": {"name": "asha", "eta": math.nan}}, ValueError, "scheduler.eta"),
        ({"budget": {"trials": b"5"}}, TypeError, "budget.trials cannot be b'5'"),
        ({"seed": 2**63}, tt.InvalidStudyError, f"seed must be a whole number, 0 … {2**63 - 1}"),
        ({"seed": -1}, tt.InvalidStudyError, "seed must be a whole number, at least 0"),
        ({"study_name": 5}, TypeError, "study_name must be a text, not 5"),
        ({"metric": 5}, TypeError, "metric is a name, or a list"),
        ({"metric": [5]}, TypeError, "metric is a name, or a list"),
        ({"directions": "minimize"}, TypeError, "directions is a list such as"),
        ({"space": 5}, TypeError, "space is a tt.Space, or a dict"),
    ])
def test_studies_that_cannot_be_are_refused(options: Any, error: type[Exception], match: str) -> None:
    told(lambda: tt.create_study(**options), error, match)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"max": "9"}, TypeError, "max of a fidelity must be a number, not '9'"),
        ({"max": 9, "min": None}, TypeError, "min of a fidelity must be a number"),
        ({"max": math.nan}, ValueError, "max of a fidelity must be a finite number"),
        ({"name": 5, "max": 9}, TypeError, "must be a text, not 5"),
    ])
def test_a_fidelity_that_cannot_be_is_refused(arguments: Any, error: type[Exception], match: str) -> None:
    told(lambda: tt.Fidelity(**arguments), error, match)


class Whole:
    """A whole number of a library, as NumPy's are."""

    shape = ()

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __float__(self) -> float:
        return float(self.value)

    def item(self) -> int:
        return self.value


def test_whole_numbers_of_libraries_are_taken() -> None:
    arguments: Any = {
        "sampler": {"name": "tpe", "startup": Whole(10)}, "seed": Whole(7), "budget": {"trials": Whole(50)},
        "fidelity": tt.Fidelity("epoch", max=Whole(9)), "scheduler": {"name": "asha", "eta": Whole(3)},  # type: ignore[arg-type]
    }
    study = tt.create_study(**arguments)
    specification = study.specification
    assert (specification["seed"], specification["budget"]["trials"], specification["fidelity"]["max"]) == (7, 50, 9)
    study.optimize(lambda trial: 0.0, n_trials=Whole(3), n_jobs=Whole(2))  # type: ignore[arg-type]
    assert len(study.trials) == 3


def test_vectors_of_libraries_are_values_of_several_objectives() -> None:
    import numpy

    study = tt.create_study(directions=["minimize", "maximize"])
    study.optimize(lambda trial: numpy.array([1.0, 2.0]), n_trials=1)  # type: ignore[arg-type,return-value]
    assert study.trials[0].values == [1.0, 2.0]


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database" * 100)
    told(lambda: tt.load_study("x", text), tt.StoreError, "not a trimtab store")
    told(lambda: tt.load_study("x", tmp_path), tt.StoreError, "")
    told(lambda: tt.load_study("x", tmp_path / "absent.db"), tt.StoreError, "absent.db")
    told(lambda: tt.load_study("x"), TypeError, "storage")


@pytest.mark.parametrize(
    ("options", "error"),
    [({"n_trials": -1}, ValueError), ({"n_trials": 1.5}, ValueError), ({"n_trials": True}, ValueError),
     ({"timeout": -1}, ValueError), ({"timeout": "3"}, ValueError), ({"timeout": math.nan}, ValueError),
     ({"n_jobs": 0}, ValueError),
     ({"n_jobs": "2"}, ValueError), ({"n_jobs": True}, ValueError), ({"callbacks": [1]}, TypeError),
     ({"catch": 5}, TypeError), ({"catch": "KeyError"}, TypeError), ({"catch": ("KeyError",)}, TypeError),
     ({"catch": KeyError()}, TypeError), ({"catch": [int]}, TypeError), ({"catch": KeyboardInterrupt}, TypeError)])
def test_impossible_options_of_optimize_are_refused(options: Any, error: type[Exception]) -> None:
    study = tt.create_study()
    told(lambda: study.optimize(lambda trial: 0.0, **{"n_trials": 1, **options}), error, "")
    assert study.trials == []
    told(lambda: study.optimize(5, n_trials=1), TypeError, "function of a trial")  # type: ignore[arg-type]


def test_optimize_within_optimize_is_refused() -> None:
    study = tt.create_study()

    def objective(trial: tt.Trial) -> float:
        study.optimize(lambda trial: 0.0, n_trials=1)
        return 0.0

    told(lambda: study.optimize(objective, n_trials=1), RuntimeError, "from within")


@pytest.mark.parametrize("variant", ["promotion", "stopping"])
def test_a_trial_whose_last_report_is_no_number_fails_where_it_is_paused_or_stopped(variant: str) -> None:
    study = tt.create_study(
        fidelity=tt.Fidelity("epoch", max=9), scheduler={"name": "asha", "variant": variant, "eta": 3}, seed=1)

    def objective(trial: tt.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        for epoch in range(1, 10):
            trial.report(math.nan if x > 0.5 else x + 1 / epoch, epoch)
            if trial.should_prune():
                raise tt.TrialPruned
        return x

    study.optimize(objective, n_trials=12)
    assert {trial.state.name for trial in study.trials if trial.params["x"] > 0.5} == {"FAIL"}
    others = {trial.state.name for trial in study.trials if trial.params["x"] <= 0.5}
    assert others and "FAIL" not in others


def test_a_closed_study_says_so(store: str) -> None:
    study = tt.create_study(study_name="closed", storage=store)
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    study.close()
    study.close()
    for call in (
            study.ask, lambda: study.tell(trial, 1.0), lambda: study.trials, lambda: study.best_value,
            lambda: trial.suggest_float("y", 0, 1), lambda: trial.report(1.0, 1),
            lambda: study.optimize(lambda trial: 0.0, n_trials=1), lambda: study.enqueue_trial({"x": 1}),
            lambda: trial.set_user_attr("a", 1)):
        told(call, tt.ClosedError, "closed: open it again")
    assert [trial.state.name for trial in tt.load_study("closed", store).trials] == ["WAITING"]


def test_a_study_closed_by_another_thread_in_mid_trial_is_noticed() -> None:
    study = tt.create_study()

    def objective(trial: tt.Trial) -> float:
        closing = threading.Thread(target=study.close)
        closing.start()
        closing.join()
        return trial.suggest_float("x", 0, 1)

    told(lambda: study.optimize(objective, n_trials=3), tt.ClosedError, "closed")


def test_trials_cannot_be_pickled_or_copied_and_frozen_ones_can(store: str) -> None:
    study = tt.create_study(storage=store)
    trial = study.ask()
    told(lambda: pickle.dumps(trial), TypeError, "trial")
    told(lambda: copy.copy(trial), TypeError, "trial")
    study.tell(trial, 1.0)
    frozen = pickle.loads(pickle.dumps(study.trials[0]))
    assert (frozen.number, frozen.value, frozen.state) == (0, 1.0, tt.TrialState.COMPLETE)
    for name in ("TrimtabError", "TrialPruned", "StudyFinished", "NotRunningError"):
        error = pickle.loads(pickle.dumps(getattr(tt, name)("why")))
        assert str(error) == "why"


def test_attributes_that_cannot_be_kept_are_refused() -> None:
    study = tt.create_study()
    trial = study.ask()
    for value in (object(), math.nan, {1, 2}, b"x"):
        told(lambda value=value: trial.set_user_attr("k", value), TypeError, "cannot be kept")
        told(lambda value=value: study.set_user_attr("k", value), TypeError, "cannot be kept")
    told(lambda: trial.set_user_attr("", 1), TypeError, "key")
    told(lambda: trial.set_user_attr(5, 1), TypeError, "key")  # type: ignore[arg-type]
    told(lambda: trial.set_user_attr("trimtab:x", 1), ValueError, "Trimtab's own")
    told(lambda: trial.set_user_attr("k", "x" * (2 << 20)), tt.TrimtabError, "KiB")
    nested: Any = []
    for _ in range(5000):
        nested = [nested]
    told(lambda: trial.set_user_attr("k", nested), Exception, "")
    trial.set_user_attr("k", "\u2028 \x7f 𝄞")
    study.tell(trial, 1.0)
    assert study.trials[0].user_attrs == {"k": "\u2028 \x7f 𝄞"}


def test_enqueued_values_that_fit_nothing_are_refused() -> None:
    study = tt.create_study(space={"x": tt.Float(0, 1)})
    told(lambda: study.enqueue_trial({"x": 2}), tt.TrimtabError, "x")
    told(lambda: study.enqueue_trial({"y": 0.5}), tt.TrimtabError, "y")
    told(lambda: study.enqueue_trial({"x": "a"}), TypeError, "number")
    told(lambda: study.enqueue_trial([1]), TypeError, "dict")  # type: ignore[arg-type]
    growing = tt.create_study()
    told(lambda: growing.enqueue_trial({"x": object()}), TypeError, "x")
    growing.enqueue_trial({"x": 5})
    told(
        lambda: growing.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1), ValueError,
        "x: 5 is not a possible value .the range is 0 … 1.")
    assert growing.trials[0].state is tt.TrialState.FAIL


def kinds(trial: tt.Trial) -> float:
    """One parameter of each kind that a person may enqueue a wrong value for."""
    trial.suggest("b", tt.Bool())
    trial.suggest("p", tt.Permutation(["a", "b"]))
    trial.suggest_categorical("c", ["a", "b", None])
    return trial.suggest_int("n", 0, 10, step=2) + trial.suggest_float("x", 0, 1, step=0.25)


WRONG = [{"n": 3}, {"n": 12}, {"x": 0.33}, {"x": 5}, {"c": "z"}, {"b": 7}, {"p": ["a", "a"]}]


@pytest.mark.parametrize("values", WRONG)
def test_enqueued_values_that_a_known_parameter_cannot_have_are_refused(values: dict[str, Any]) -> None:
    study = tt.create_study(seed=1)
    study.optimize(kinds, n_trials=1)
    told(lambda: study.enqueue_trial(values), tt.InvalidStudyError, f"{next(iter(values))}: .* is not a possible value")
    assert len(study.trials) == 1
    study.enqueue_trial({"n": 4, "x": 0.75, "c": None, "b": True, "p": ["b", "a"]})
    study.optimize(kinds, n_trials=1)
    assert study.trials[1].params == {"n": 4, "x": 0.75, "c": None, "b": True, "p": ["b", "a"]}


@pytest.mark.parametrize("values", WRONG)
def test_enqueued_values_that_a_new_parameter_cannot_have_fail_their_trial_only(values: dict[str, Any]) -> None:
    study = tt.create_study(seed=1)
    study.enqueue_trial(values)
    study.optimize(kinds, n_trials=3, catch=tt.InvalidStudyError)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]


@pytest.mark.parametrize("is_pruned", [False, True])
def test_what_cannot_be_recorded_at_the_end_fails_its_trial(is_pruned: bool) -> None:
    study = tt.create_study(seed=1)

    def objective(trial: tt.Trial) -> float:
        if trial.number > 0:
            return trial.suggest_float("x", 0, 2)
        value = trial.suggest_float("x", 0, 1)
        # Another worker brings the name with another range meanwhile.
        study.add_trial({"x": 1.5}, {"x": tt.Float(0, 2)}, 1.5)
        if is_pruned:
            raise tt.TrialPruned
        return value

    told(lambda: study.optimize(objective, n_trials=1), tt.ConflictError, "another type or range")
    study.optimize(objective, n_trials=1)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    study = tt.create_study(seed=1)
    study.optimize(objective, n_trials=2, catch=tt.ConflictError)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "COMPLETE", "COMPLETE"]


def test_trials_are_freed_and_do_not_keep_studies_alive() -> None:
    study = tt.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    trial = study.ask()
    trial.cycle = trial  # type: ignore[attr-defined]
    trial_left, study_left = weakref.ref(trial), weakref.ref(study)
    del trial
    gc.collect()
    assert trial_left() is None
    assert study_left() is study
    del study
    gc.collect()
    assert study_left() is None


def test_the_extension_refuses_what_it_is_not_meant_for() -> None:
    from trimtab._native import _core

    told(lambda: _core.ask(1, object(), 0, {}, 5), TypeError, "trial")  # type: ignore[arg-type]
    run = _core.Run()
    for handle in (0, -1, 1, 2**62, os.getpid(), (7 << 32) | os.getpid()):
        told(lambda handle=handle: _core.ask(handle, run, 0, {}, 5), _core.Failure, "closed|process")
        told(lambda handle=handle: _core.complete(handle, run, 1.0, [1.0] * 50), _core.Failure, "closed|process")
        assert "error" in _core.request(handle, b"{}")
    told(lambda: _core.request(1, "text"), TypeError, "")  # type: ignore[arg-type]
    told(lambda: _core.open(b"\xff\xfe"), _core.Failure, "UTF-8")
    told(lambda: _core.open(b"[" * 100_000), _core.Failure, "badRequest")
    told(lambda: _core.complete(1, run, 1.0, "ab"), TypeError, "")  # type: ignore[arg-type]
    told(lambda: _core.ask(1, run, 0, {}, 1 << 60), MemoryError, "")
    run._known = {"x": b"short", "y": _core.domain("f", 0, 1, None, False, 1 << 40)}
    told(lambda: run.suggest_float("x", 0, 1), AttributeError, "_suggest_float")
    told(lambda: run.suggest_float("y", 0, 1), AttributeError, "_suggest_float")
    told(lambda: run.suggest_float([], 0, 1), AttributeError, "")  # type: ignore[arg-type]


SECOND_INTERPRETER = """
import trimtab as tt
study = tt.create_study(seed=1)
study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
assert len(study.trials) == 5
"""


def test_a_second_interpreter_works_or_says_why_not() -> None:
    """Interpreters of one process share the engine; where Python cannot load the extension twice, it says so."""
    code = (
        "import sys; sys.path[:] = {path!r}\n"
        "try:\n    import _interpreters as made\nexcept ImportError:\n    import _xxsubinterpreters as made\n"
        "import trimtab as tt\n"
        "study = tt.create_study()\n"
        "study.optimize(lambda trial: trial.suggest_float('x', 0, 1), n_trials=2)\n"
        "for _ in range(2):\n"
        "    other = made.create()\n"
        "    answer = made.run_string(other, {inner!r})\n"
        "    assert answer is None or 'trimtab' in str(answer), answer\n"
        "    made.destroy(other)\n"
        "study.optimize(lambda trial: trial.suggest_float('x', 0, 1), n_trials=2)\n"
        "print(len(study.trials))\n"
    ).format(path=sys.path, inner=f"import sys; sys.path[:] = {sys.path!r}\n" + SECOND_INTERPRETER)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "4"), done.stderr


def test_a_system_too_old_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trimtab import _native

    (tmp_path / "glibc").write_text("9.99\n")
    monkeypatch.setattr(_native, "native_folder", lambda: str(tmp_path))
    assert "glibc 9.99 or later is needed" in (_native.check_system() or "")
    (tmp_path / "glibc").write_text("2.17\n")
    assert _native.check_system() is None
