"""What the sampler and the pruner share: a study of the engine beside each study of Optuna."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from optuna.study import Study as OptunaStudy
from optuna.trial import FrozenTrial as OptunaTrial

from .._engine import RUN, Local
from .._errors import StudyFinished
from .._study import Study
from .._trial import Trial


class Mirror:
    """A study in memory that follows a study of Optuna, whichever process adds to that one."""

    def __init__(self, specification: dict[str, Any], study: OptunaStudy) -> None:
        self.study = Study(Local(specification, None, "create"))
        self.lock = threading.RLock()
        #: The engine's trials for those of Optuna that run, here or elsewhere, by Optuna's number.
        self.running: dict[int, Trial] = {}
        self._study_id = study._study_id
        # Trials from this number on were never looked at; of those before, these had not ended.
        self._next = 0
        self._open: set[int] = set()

    def request(self, verb: str, **members: Any) -> Any:
        """The content of the engine's answer."""
        return self.study._transport.request(verb, **members)

    def ask(self) -> Trial:
        """A new trial of the engine."""
        trial = Trial(self.study)
        answer = self.study._ask(trial)
        if answer != RUN:
            raise StudyFinished(f"Trimtab's sampler proposes nothing more: {answer}")
        return trial

    def close_trial(self, number: int) -> Trial | None:
        """The engine's trial for one of Optuna that ends now, if it has one. It is not looked at any more then."""
        trial = self.running.pop(number, None)
        if trial is not None:
            self._open.discard(number)
        return trial

    def synchronise(self, study: OptunaStudy, current: int) -> None:
        """Take over what happened in Optuna's study since the last time, but for the trial with a number."""
        trials = study._storage.get_all_trials(self._study_id, deepcopy=False)
        fresh = range(self._next, len(trials))
        self._next = len(trials)
        finished: list[OptunaTrial] = []
        for number in sorted(self._open) if self._open else ():
            self._look_at(trials[number], current, finished)
        for number in fresh:
            self._open.add(number)
            self._look_at(trials[number], current, finished)
        # Many at once are one transaction; too many would be one very long request.
        for begin in range(0, len(finished), 1000):
            self.add(finished[begin:begin + 1000])

    def _look_at(self, trial: OptunaTrial, current: int, finished: list[OptunaTrial]) -> None:
        number = trial.number
        if trial.state.is_finished():
            own = self.close_trial(number)
            if own is None:
                self._open.discard(number)
                finished.append(trial)
            else:
                self.finish(own, trial, trial.state, trial.values)
        elif number != current and trial.state.name == "RUNNING":
            self.follow(trial)

    def add(self, trials: list[OptunaTrial]) -> None:
        """Take over trials that ended without the engine's knowledge."""
        raise NotImplementedError

    def follow(self, trial: OptunaTrial) -> None:
        """Take over what a running trial has so far."""
        raise NotImplementedError

    def finish(self, own: Trial, trial: OptunaTrial, state: Any, values: Any) -> None:
        """End the engine's trial as that of Optuna ended."""
        raise NotImplementedError


Kind = TypeVar("Kind", bound=Mirror)


class Mirrors(Generic[Kind]):
    """The mirrors of this process, by storage and study. A copy, a pickle and a forked process begin without any."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._mirrors: weakref.WeakKeyDictionary[Any, dict[int, Kind]] = weakref.WeakKeyDictionary()

    def of(self, study: OptunaStudy, make: Callable[[OptunaStudy], Kind | None]) -> Kind | None:
        """The mirror of a study, made where there is none yet."""
        if self._process != os.getpid():
            self.__init__()  # type: ignore[misc]
        with self._lock:
            mirrors = self._mirrors.setdefault(study._storage, {})
            mirror = mirrors.get(study._study_id)
            if mirror is None:
                mirror = make(study)
                if mirror is not None:
                    mirrors[study._study_id] = mirror
            return mirror

    def all(self) -> list[tuple[Any, int, Kind]]:
        """Storage, number of the study, and mirror."""
        if self._process != os.getpid():
            self.__init__()  # type: ignore[misc]
        with self._lock:
            return [(storage, key, mirror) for storage, found in self._mirrors.items() for key, mirror in found.items()]

    def drop(self, storage: Any, study_id: int) -> None:
        """Forget a mirror; the next use makes it anew from the storage."""
        with self._lock:
            self._mirrors.get(storage, {}).pop(study_id, None)

    def __reduce__(self) -> Any:
        return Mirrors, ()
