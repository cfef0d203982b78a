"""Running many trials: one after the other, in threads, or in processes."""

from __future__ import annotations

import contextlib
import operator
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ._engine import RUN, WAIT
from ._errors import ClosedError, NotRunningError, StoreError, TrialPruned
from ._frozen import FrozenTrial
from ._trial import Trial
from ._waiting import Patience

if TYPE_CHECKING:
    from ._study import Callback, Ending, Objective, Study

#: The longest that a worker sleeps while there is nothing to do for now, in seconds.
LONGEST_PAUSE = 0.05


#: What a worker may ask for: nothing, a trial that goes on, or any.
NOTHING, OLD, ANY = range(3)


class Allowance:
    """How many trials may still be run, and until when; shared by all workers of one ``optimize``.

    - goes_on: whether trials may be paused and go on. Each then counts once, however often it goes on, and workers that
      may run no other trial are still to be given those.
    """

    def __init__(
        self, n_trials: int | None, timeout: float | None, stopping: Callable[[], bool], goes_on: bool = False
    ) -> None:
        self._left = n_trials
        self.counts_once = goes_on and bool(n_trials)
        self._seen: set[int] = set()
        # Workers that run a trial or may be about to.
        self._busy = 0
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._stopping = stopping
        self._lock = threading.Lock()
        self.is_cancelled = False

    def take(self) -> int:
        """Take one trial, if there is one left; returns what may be asked for."""
        if self.is_over():
            return NOTHING
        if self._left is None:
            return ANY
        with self._lock:
            if self._left <= 0:
                return OLD if self.counts_once else NOTHING
            self._left -= 1
            self._busy += 1
            return ANY

    def give_back(self) -> None:
        """Give back one trial that was not run after all."""
        if self._left is not None:
            with self._lock:
                self._left += 1
                self._busy -= 1

    def began(self, number: int, taken: int) -> None:
        """Take note of the trial that was given to a worker, which might ask for so much; where trials count once."""
        with self._lock:
            if taken == OLD:
                self._busy += 1
            elif number in self._seen and self._left is not None:
                self._left += 1
            self._seen.add(number)

    def ended(self) -> None:
        """Take note that a worker's run is over; where trials count once."""
        with self._lock:
            self._busy -= 1

    def is_busy(self) -> bool:
        """Whether a worker runs a trial, which may go on when it has paused; where trials count once."""
        return self._busy > 0

    def is_over(self) -> bool:
        """Whether no further trial may begin."""
        return (
            self.is_cancelled or self._stopping()
            or (self._deadline is not None and time.monotonic() >= self._deadline))


def run_trials(
    study: Study, objective: Objective, allowance: Allowance, catch: tuple[type[Exception], ...],
    ended: Callable[[Trial, FrozenTrial], None] | None,
) -> None:
    """One worker's trials, one after the other.

    - ended: called after each trial; None when nobody wants to know.
    """
    counts_once = allowance.counts_once
    ask = _ask_counting_once if counts_once else _ask
    while True:
        trial = Trial(study)
        try:
            if not ask(study, trial, allowance):
                return
            ending = run_trial(study, objective, trial, catch)
        except BaseException:
            # KeyboardInterrupt and SystemExit can come at any point: the trial is not to blame.
            if trial.number >= 0 and not trial._is_over:
                # It may have ended in the very moment, or with the study.
                with contextlib.suppress(NotRunningError, ClosedError):
                    study._release(trial)
            raise
        finally:
            if counts_once and trial.number >= 0:
                allowance.ended()
        if ended is not None and ending is not None:
            ended(trial, trial._frozen(*ending))


def _ask(study: Study, trial: Trial, allowance: Allowance) -> bool:
    """Wait for a trial to run; false when there will be none."""
    if not allowance.take():
        return False
    patience = Patience(study, longest=LONGEST_PAUSE)
    while True:
        answer = study._ask(trial)
        if answer == RUN:
            return True
        if answer != WAIT or allowance.is_over():
            allowance.give_back()
            return False
        patience.wait()


def _ask_counting_once(study: Study, trial: Trial, allowance: Allowance) -> bool:
    """Wait for a trial to run, where one that goes on does not count again; false when there will be none."""
    patience = Patience(study, longest=LONGEST_PAUSE)
    while True:
        # What is paused between this and the ask can be given out by the ask.
        was_busy = allowance.is_busy()
        taken = allowance.take()
        if taken == NOTHING:
            return False
        answer = study._ask(trial, goes_on=taken == OLD)
        if answer == RUN:
            allowance.began(trial.number, taken)
            return True
        if taken == ANY:
            allowance.give_back()
            if answer != WAIT:
                return False
        elif not was_busy and (answer != WAIT or patience.held()):
            # All that was asked for has run. Trials that the caller holds are nothing to wait for.
            return False
        patience.wait()


def run_trial(study: Study, objective: Objective, trial: Trial, catch: tuple[type[Exception], ...]) -> Ending | None:
    """Run one trial and tell how it ended; None when it was taken from this worker meanwhile."""
    values: float | list[float] | None
    try:
        values = study._check_values(objective(trial))
    except TrialPruned:
        values = None
    except NotRunningError:
        # Stopped by a person or given to another worker: there is nothing to tell.
        trial._finish()
        return None
    except Exception as error:
        return _failed(study, trial, error, catch)
    try:
        return study._prune(trial) if values is None else study._complete(trial, values)
    except NotRunningError:
        trial._finish()
        return None
    except (ClosedError, StoreError):
        # Nothing can be told now, which is not the trial's doing.
        raise
    except Exception as error:
        # Run again, the trial would most likely end in the same way.
        return _failed(study, trial, error, catch)


def _failed(study: Study, trial: Trial, error: Exception, catch: tuple[type[Exception], ...]) -> Ending:
    ending = study._fail(trial, error)
    if isinstance(error, catch):
        return ending
    raise error


def optimize(
    study: Study, objective: Objective, n_trials: int | None, timeout: float | None, n_jobs: int,
    catch: type[Exception] | Iterable[type[Exception]], callbacks: list[Callback], *, processes: bool,
) -> None:
    """See ``Study.optimize``."""
    if not callable(objective):
        raise TypeError(f"the objective must be a function of a trial, not {objective!r}")
    trials = None if n_trials is None else _index(n_trials)
    if n_trials is not None and (trials is None or trials < 0):
        raise ValueError(f"n_trials must be a whole number of at least 0, or None, not {n_trials!r}")
    if timeout is not None and (isinstance(timeout, str) or not timeout >= 0):
        raise ValueError(f"timeout must be a number of seconds, or None, not {timeout!r}")
    jobs = _index(n_jobs)
    if jobs == -1:
        jobs = os.cpu_count() or 1
    if jobs is None or jobs < 1:
        raise ValueError(f"n_jobs must be at least 1, or −1 for all processors, not {n_jobs!r}")
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"a callback must be a function of a study and a trial, not {callback!r}")
    if getattr(study._optimizing, "is_running", False):
        raise RuntimeError("optimize cannot be called from within an objective or a callback of the same study")
    caught = _caught(catch)

    study._stopping.clear()
    allowance = Allowance(trials, timeout, study._stopping.is_set, goes_on=study._maximum is not None)
    if processes:
        from ._processes import optimize_in_processes

        optimize_in_processes(study, objective, allowance, jobs, caught, callbacks)
    elif jobs == 1:
        _work(study, objective, allowance, caught, callbacks)
    else:
        _optimize_in_threads(study, objective, allowance, jobs, caught, callbacks)


def _index(value: Any) -> int | None:
    """A whole number of whatever library; None for anything else, and for truth values."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


def _caught(catch: type[Exception] | Iterable[type[Exception]]) -> tuple[type[Exception], ...]:
    kinds = tuple(catch) if isinstance(catch, Iterable) and not isinstance(catch, (str, type)) else (catch,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"catch must be a class of exceptions such as ValueError, or several, not {kind!r}")
    return kinds  # type: ignore[return-value]


def _work(
    study: Study, objective: Objective, allowance: Allowance, catch: tuple[type[Exception], ...],
    callbacks: list[Callback],
) -> None:
    def ended(trial: Trial, frozen: FrozenTrial) -> None:
        for callback in callbacks:
            callback(study, frozen)

    study._optimizing.is_running = True
    try:
        run_trials(study, objective, allowance, catch, ended if callbacks else None)
    finally:
        study._optimizing.is_running = False


def _optimize_in_threads(
    study: Study, objective: Objective, allowance: Allowance, n_jobs: int, catch: tuple[type[Exception], ...],
    callbacks: list[Callback],
) -> None:
    errors: list[BaseException] = []

    def worker() -> None:
        try:
            _work(study, objective, allowance, catch, callbacks)
        except BaseException as error:
            errors.append(error)
            allowance.is_cancelled = True

    # Daemons, so that a second interrupt can end a program whose objectives do not.
    threads = [threading.Thread(target=worker, name=f"trimtab-{index}", daemon=True) for index in range(n_jobs)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except BaseException:
        allowance.is_cancelled = True
        for thread in threads:
            thread.join()
        raise
    if errors:
        raise errors[0]


__all__ = ["ANY", "NOTHING", "Allowance", "optimize", "run_trial", "run_trials"]
