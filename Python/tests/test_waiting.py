"""Asking while there is nothing to do."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

import trimtab as tt

SPACE = {"k": tt.Categorical(["a", "b"])}


def test_an_ask_that_only_the_asker_could_end_says_so_at_once() -> None:
    study = tt.create_study(space=SPACE)
    one, two = study.ask(), study.ask()
    begun = time.monotonic()
    with pytest.raises(tt.StuckError, match=r"by the only thread: 0, 1 \(tell one first"):
        study.ask()
    assert time.monotonic() - begun < 1
    # Nothing was lost by it.
    study.tell(one, 1.0)
    study.tell(two, 2.0)
    with pytest.raises(tt.StudyFinished):
        study.ask()
    assert study.best_value == 1.0


def test_a_rung_that_waits_for_its_own_trials_says_so(store: str) -> None:
    study = tt.create_study(
        storage=store, fidelity=tt.Fidelity("epoch", max=3), scheduler="hyperband", space={"x": tt.Float(0, 1)},
        sampler="random", budget={"trials": 3})
    running = [study.ask() for _ in range(3)]
    with pytest.raises(tt.StuckError):
        study.ask()
    assert [trial.number for trial in running] == [0, 1, 2]


def test_optimize_does_not_wait_for_trials_that_were_asked_for_by_hand() -> None:
    study = tt.create_study(space=SPACE)
    trial = study.ask()
    with pytest.raises(tt.StuckError):
        study.optimize(lambda trial: 1.0, n_trials=5)
    study.tell(trial, 2.0)
    study.optimize(lambda trial: 1.0, n_trials=5)
    assert len(study.trials) == 2


def test_an_ask_with_a_timeout_waits_for_it() -> None:
    study = tt.create_study(space=SPACE)
    study.ask(), study.ask()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        study.ask(timeout=0.2)
    assert time.monotonic() - begun >= 0.2


def test_an_ask_waits_for_another_thread() -> None:
    study = tt.create_study(space=SPACE)
    one, two = study.ask(), study.ask()

    def later() -> None:
        time.sleep(0.3)
        study.tell(one, 1.0)
        study.tell(two, 2.0)

    telling = threading.Thread(target=later)
    telling.start()
    with pytest.raises(tt.StudyFinished):
        study.ask()
    telling.join()


def test_an_ask_waits_for_another_process(store: str) -> None:
    with tt.create_study(study_name="shared", storage=store, space=SPACE) as study:
        study.ask()
        other = subprocess.Popen(
            [sys.executable, "-c",
             "import sys, time, trimtab as tt\n"
             "study = tt.load_study(storage=sys.argv[1])\n"
             "trial = study.ask()\n"
             "print(trial.number, flush=True)\n"
             "time.sleep(0.5)\n"
             "study.tell(trial, 1.0)\n", store], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None and other.stdout.readline().strip() == "1"
        begun = time.monotonic()
        # Then only the trial that was asked for here is left.
        with pytest.raises(tt.StuckError, match="by the only thread: 0 "):
            study.ask()
        assert time.monotonic() - begun > 0.2
        assert other.wait() == 0
        assert other.stdout.close() is None
        assert study.best_value == 1.0


def test_a_trial_that_is_to_be_tried_again_is_waited_for() -> None:
    from trimtab._engine import Local

    study = tt.Study(Local(
        {"study": "again", "objective": {"metric": "value", "goal": "minimize"}, "method": {"sampler": "random"},
         "space": {"k": {"type": "categorical", "choices": ["a", "b"]}}, "retries": {"failed": 1, "backoff": 0.3}},
        None, "create"))
    one = study.ask()
    study.ask()
    study.tell(one, state=tt.TrialState.FAIL)
    again = study.ask()
    assert (again.number, again.attempt) == (0, 2)
