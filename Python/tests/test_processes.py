"""Trials in other processes, forks, and other interpreters."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
from objectives import branches, dies_at_two, fails_at_three, own_process, parabola, trains_on

import trimtab as tt


def test_processes_run_trials_of_a_study_in_memory() -> None:
    study = tt.create_study(seed=1)
    study.optimize(own_process, n_trials=12, n_jobs=2, processes=True)
    pids = {trial.user_attrs["pid"] for trial in study.trials}
    assert len(study.trials) == 12
    assert os.getpid() not in pids
    assert len(pids) == 2


def test_processes_run_conditional_trials(store: str) -> None:
    study = tt.create_study(storage=store, seed=1)
    seen: list[int] = []
    study.optimize(
        branches, n_trials=20, n_jobs=2, processes=True, callbacks=[lambda study, trial: seen.append(trial.number)])
    assert sorted(seen) == list(range(20))
    for trial in study.trials:
        assert set(trial.params) == ({"kind", "x"} if trial.params["kind"] == "a" else {"kind", "n"})


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_to_start_a_process_work(method: str, tmp_path: object) -> None:
    code = (
        "import multiprocessing, sys; sys.path.insert(0, sys.argv[1]); import trimtab as tt, objectives\n"
        "if __name__ == '__main__':\n"
        f"    multiprocessing.set_start_method('{method}')\n"
        "    study = tt.create_study()\n"
        "    study.optimize(objectives.parabola, n_trials=4, n_jobs=2, processes=True)\n"
        "    print(len(study.trials))\n")
    path = os.path.join(str(tmp_path), "script.py")
    with open(path, "w") as file:
        file.write(code)
    done = subprocess.run(
        [sys.executable, path, os.path.dirname(__file__)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "4", done.stderr


def test_an_exception_in_a_process_comes_out_with_its_traceback() -> None:
    study = tt.create_study()
    with pytest.raises(ValueError, match="three is refused") as caught:
        study.optimize(fails_at_three, n_trials=20, n_jobs=2, processes=True)
    assert "fails_at_three" in str(caught.value.__cause__)


def test_a_process_that_dies_fails_its_trial_and_is_replaced() -> None:
    study = tt.create_study()
    study.optimize(dies_at_two, n_trials=8, n_jobs=2, processes=True)
    states = {trial.number: trial.state for trial in study.trials}
    assert states[2] is tt.TrialState.FAIL
    assert sum(state is tt.TrialState.COMPLETE for state in states.values()) == 7


def _child_of_fork(study: tt.Study, trial: tt.Trial) -> str:
    try:
        study.trials  # noqa: B018
    except tt.ForkedError as error:
        first = str(error)
    else:
        return "no error"
    try:
        trial.report(1.0, 1)
    except tt.ForkedError:
        pass
    else:
        return "no error from the trial"
    other = tt.create_study()
    other.optimize(parabola, n_trials=3)
    study.close()
    return first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_in_mid_study_is_noticed() -> None:
    study = tt.create_study()
    trial = study.ask()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = _child_of_fork(study, trial)
        except BaseException as error:
            answer = repr(error)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        answer = file.read()
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert "cannot be carried over a fork" in answer, answer
    study.tell(trial, 1.0)
    assert study.best_value == 1.0


def test_processes_share_a_store(store: str) -> None:
    tt.create_study(study_name="many", storage=store, seed=1).close()
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(store,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    study = tt.load_study("many", store)
    assert [trial.number for trial in study.trials] == list(range(30))
    assert all(trial.state is tt.TrialState.COMPLETE for trial in study.trials)


def _work(store: str) -> None:
    tt.load_study("many", store).optimize(branches, n_trials=10)


def test_a_killed_process_loses_only_the_trial_it_ran(store: str) -> None:
    tt.create_study(study_name="killed", storage=store).close()
    code = (
        "import sys, time, trimtab as tt\n"
        "study = tt.load_study('killed', sys.argv[1])\n"
        "def objective(trial):\n"
        "    x = trial.suggest_float('x', 0, 1)\n"
        "    print(trial.number, flush=True)\n"
        "    if trial.number == 3: time.sleep(60)\n"
        "    return x\n"
        "study.optimize(objective)\n")
    worker = subprocess.Popen([sys.executable, "-c", code, store], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    for line in worker.stdout:
        if line.strip() == "3":
            break
    worker.kill()
    worker.wait()
    study = tt.load_study("killed", store)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_processes_end_when_their_parent_is_killed(store: str) -> None:
    code = (
        "import multiprocessing, os, sys, time, trimtab as tt\n"
        "multiprocessing.set_start_method('fork')\n"
        "study = tt.create_study(study_name='orphans', storage=sys.argv[1])\n"
        "def objective(trial):\n"
        # One write, lest lines of several processes run together.
        "    os.write(1, b'%d\\n' % os.getpid())\n"
        "    time.sleep(0.2)\n"
        "    return trial.suggest_float('x', 0, 1)\n"
        "study.optimize(objective, n_jobs=3, processes=True)\n")
    parent = subprocess.Popen([sys.executable, "-c", code, store], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids: set[int] = set()
    for line in parent.stdout:
        pids.add(int(line))
        if len(pids) == 3:
            break
    parent.kill()
    try:
        # The pipe ends when the last of those that write to it does.
        parent.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        raise


def test_an_interrupt_ends_a_program_cleanly(store: str) -> None:
    code = (
        "import signal, sys, time, trimtab as tt\n"
        # A shell's background jobs, and what they start, have interrupts switched off.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "study = tt.create_study(study_name='int', storage=sys.argv[1])\n"
        "def objective(trial):\n"
        "    x = trial.suggest_float('x', 0, 1)\n"
        "    print(trial.number, flush=True)\n"
        "    if trial.number == 2: time.sleep(60)\n"
        "    return x\n"
        "study.optimize(objective)\n")
    worker = subprocess.Popen(
        [sys.executable, "-c", code, store], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    for line in worker.stdout:
        if line.strip() == "2":
            break
    time.sleep(0.1)
    worker.send_signal(signal.SIGINT)
    _, errors = worker.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    study = tt.load_study("int", store)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "WAITING"]


def test_an_interrupt_at_any_moment_leaves_no_trial_running() -> None:
    study = tt.create_study(seed=1)
    study.optimize(branches, n_trials=20)

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for index in range(60):
            with pytest.raises(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.0005 + 0.0001 * index)
                study.optimize(branches)
            assert all(trial.state is not tt.TrialState.RUNNING for trial in study.trials)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    study.optimize(branches, n_trials=5)
    assert not [trial for trial in study.trials if trial.state not in (tt.TrialState.COMPLETE, tt.TrialState.FAIL)]


def schedule(study: tt.Study) -> list[tuple[float, ...]]:
    return [tuple(trial.intermediate_values) for trial in study.trials]


@pytest.mark.parametrize("scheduler", ["hyperband", "one-epoch", "successive-halving", {"name": "asha"}])
def test_a_trial_that_goes_on_counts_once(scheduler: object) -> None:
    def create() -> tt.Study:
        return tt.create_study(
            scheduler=scheduler, sampler="random", fidelity=tt.Fidelity("epoch", max=27), seed=1,
            budget={"trials": 60})

    whole = create()
    whole.optimize(trains_on)
    study = create()
    study.optimize(trains_on, n_trials=30)
    assert len(study.trials) == 30
    if scheduler != "one-epoch":
        # It begins many before it sends one on.
        assert max(trial.resource or 0 for trial in study.trials) > 3
    study.optimize(trains_on, n_trials=7)
    assert len(study.trials) == 37
    study.optimize(trains_on, n_trials=0)
    study.optimize(trains_on)
    assert schedule(study) == schedule(whole), "the schedule is the same in parts"


@pytest.mark.parametrize("processes", [False, True])
def test_a_trial_that_goes_on_counts_once_among_several_workers(processes: bool) -> None:
    study = tt.create_study(
        scheduler={"name": "asha"}, sampler="random", fidelity=tt.Fidelity("epoch", max=27), seed=1)
    held = study.ask()
    ends: list[int] = []
    study.optimize(
        trains_on, n_trials=30, n_jobs=3, processes=processes, callbacks=[lambda _, trial: ends.append(trial.number)])
    assert len(study.trials) == 31
    assert set(ends) == set(range(1, 31))
    assert len(ends) > 35, "a third goes on"
    assert study.trials[held.number].state is tt.TrialState.RUNNING


def test_the_time_ends_a_loop_that_goes_on(store: str) -> None:
    study = tt.create_study(
        storage=store, scheduler="hyperband", sampler="random", fidelity=tt.Fidelity("epoch", max=27), seed=1)
    other = tt.load_study(storage=store)
    held = [other.ask() for _ in range(3)]
    begin = time.monotonic()
    study.optimize(trains_on, n_trials=24, timeout=1)
    assert time.monotonic() - begin < 10
    assert len(study.trials) == 24 + len(held)


def test_a_trial_that_comes_to_a_maximum_raised_meanwhile_goes_on(store: str) -> None:
    study = tt.create_study(
        storage=store, scheduler="median", sampler="random", fidelity=tt.Fidelity("epoch", max=3), seed=1,
        budget={"trials": 2})
    runs: list[tuple[int, float, float | None]] = []

    def objective(trial: tt.Trial) -> float:
        runs.append((trial.number, trial.reached, trial.resource))
        if len(runs) == 1:
            program = [sys.executable, "-m", "trimtab", "amend", store, "--set", "fidelity.max=9"]
            subprocess.run(program, check=True, capture_output=True)
        return trains_on(trial)

    study.optimize(objective)
    assert runs == [(0, 0, 3), (0, 3, 9), (1, 0, 9)]
    assert [trial.state for trial in study.trials] == [tt.TrialState.COMPLETE] * 2
    assert [trial.resource for trial in study.trials] == [9, 9]
