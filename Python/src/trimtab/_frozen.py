"""Trials as they stand in a study."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._engine import number
from ._space import Parameter

if TYPE_CHECKING:
    import datetime


class TrialState(enum.Enum):
    """The life of a trial."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "completed"
    PRUNED = "stopped"
    FAIL = "failed"

    def is_finished(self) -> bool:
        """Whether nothing will happen to the trial any more.

        >>> TrialState.PRUNED.is_finished()
        True
        """
        return self in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


class StudyDirection(enum.Enum):
    """Which values are better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class FrozenTrial:
    """A trial as it was when it was looked at."""

    __slots__ = (
        "failure", "failure_message", "intermediate_values", "metrics", "number", "origin", "params",
        "resource", "seconds", "state", "user_attrs", "values", "_ended", "_started")

    def __init__(
        self, number: int, state: TrialState, values: list[float] | None, params: dict[str, Any],
        user_attrs: dict[str, Any], intermediate_values: dict[float, float], seconds: float = 0.0,
        resource: float | None = None, origin: str | None = None, failure: str | None = None,
        started: int | None = None, ended: int | None = None, message: str | None = None,
        metrics: dict[str, float] | None = None,
    ) -> None:
        self.number = number
        self.state = state
        #: The objectives in their order; None while any is missing.
        self.values = values
        self.params = params
        self.user_attrs = user_attrs
        #: The first objective over the resource; where that counts replicates, their mean up to each.
        self.intermediate_values = intermediate_values
        #: How long it ran.
        self.seconds = seconds
        self.resource = resource
        #: Where its configuration came from: user, defaults, design, model or fallback.
        self.origin = origin
        #: Why it failed, as one word.
        self.failure = failure
        #: The same as a sentence, where ``tell`` or ``optimize`` has just found it out; ``trimtab show`` has it later.
        self.failure_message = message
        #: What was reported besides the objectives: the newest value of each metric.
        self.metrics = {} if metrics is None else metrics
        self._started = started
        self._ended = ended

    @classmethod
    def from_json(cls, trial: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> FrozenTrial:
        """A trial from its JSON form, which docs/json.md describes."""
        values = [None if value is None else number(value) for value in trial["objectives"].values()]
        params = {
            name: parameters[name].decode(value) if name in parameters else value
            for name, value in trial["config"].items()
        }
        curve = trial.get("curve", {"resource": [], "value": []})
        return cls(
            trial["trial"], TrialState(trial["state"]), None if None in values else values,  # type: ignore[arg-type]
            params, user_attributes(trial.get("notes", {})),
            {number(at): number(value) for at, value in zip(curve["resource"], curve["value"])},
            trial["seconds"], trial.get("resource"), trial.get("origin"), trial.get("failure"), trial.get("started"),
            trial.get("ended"), metrics={name: number(value) for name, value in trial.get("metrics", {}).items()})

    @property
    def value(self) -> float | None:
        """The objective of a study with one."""
        if self.values is None:
            return None
        if len(self.values) > 1:
            raise ValueError("the study has several objectives: use values")
        return self.values[0]

    @property
    def last_step(self) -> float | None:
        """The greatest resource at which a value was reported."""
        return max(self.intermediate_values, default=None)

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """When its newest run began, in local time."""
        return _time(self._started)

    @property
    def datetime_complete(self) -> datetime.datetime | None:
        """When its newest run ended, in local time."""
        return _time(self._ended)

    @property
    def duration(self) -> datetime.timedelta:
        """How long it ran, all runs together."""
        import datetime

        return datetime.timedelta(seconds=self.seconds)

    def __repr__(self) -> str:
        return f"FrozenTrial(number={self.number}, state={self.state.name}, values={self.values}, params={self.params})"


def user_attributes(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Notes but for Trimtab's own."""
    return {key: value for key, value in notes.items() if not key.startswith("trimtab:")}


def _time(milliseconds: int | None) -> datetime.datetime | None:
    import datetime

    return None if milliseconds is None else datetime.datetime.fromtimestamp(milliseconds / 1000)
