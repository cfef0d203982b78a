"""Objectives that another process can import."""

from __future__ import annotations

import os
import signal
import time

import trimtab as tt


def parabola(trial: tt.Trial) -> float:
    x = trial.suggest_float("x", -5, 5)
    return (x - 1) ** 2


def branches(trial: tt.Trial) -> float:
    if trial.suggest_categorical("kind", ["a", "b"]) == "a":
        return abs(trial.suggest_float("x", -1, 1))
    return 1 + trial.suggest_int("n", 1, 9)


def fails_at_three(trial: tt.Trial) -> float:
    trial.suggest_float("x", 0, 1)
    if trial.number == 3:
        raise ValueError("three is refused")
    return 0.0


def dies_at_two(trial: tt.Trial) -> float:
    trial.suggest_float("x", 0, 1)
    if trial.number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def own_process(trial: tt.Trial) -> float:
    trial.set_user_attr("pid", os.getpid())
    time.sleep(0.02)
    return trial.suggest_float("x", 0, 1)


def reports(trial: tt.Trial) -> float:
    x = trial.suggest_float("x", 0, 1)
    for epoch in range(1, 10):
        trial.report(x + 1 / epoch, epoch)
        if trial.should_prune():
            raise tt.TrialPruned
    return x


def trains_on(trial: tt.Trial) -> float:
    """Trains from where it was paused up to where it is judged."""
    x = trial.suggest_float("x", 0, 1)
    assert trial.resource is not None
    for epoch in range(int(trial.reached) + 1, int(trial.resource) + 1):
        trial.report(x + 1 / epoch, epoch)
        if trial.should_prune():
            raise tt.TrialPruned
    return x + 1 / trial.resource
