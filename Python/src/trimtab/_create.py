"""Beginning studies, and opening those that exist."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, Union

from ._engine import Local
from ._errors import ConflictError, InvalidStudyError
from ._frozen import StudyDirection
from ._space import Parameter, Space, _finite
from ._study import Study, _bound

Part = Union[str, Mapping[str, Any]]


class Fidelity:
    """The resource of which a trial may get more or less, such as epochs.

    - max: that of a complete trial.
    - min: the least at which a trial is judged.
    - replicates: whether it counts folds or seeds. A trial reports the value of each in its order, and its own value is
      their mean, whatever the objective returns.
    """

    def __init__(
        self, name: str = "step", *, max: float, min: float = 1, integer: bool = True, replicates: bool = False
    ) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a fidelity must be a text, not {name!r}")
        self.name = name
        self.max = _finite(max, "max of a fidelity")
        self.min = _finite(min, "min of a fidelity")
        self.integer = bool(integer)
        self.replicates = bool(replicates)

    def json(self) -> dict[str, Any]:
        """The ``fidelity`` mapping of a study file."""
        return {
            "name": self.name, "min": self.min, "max": self.max, "integer": self.integer,
            "replicates": self.replicates}

    def __repr__(self) -> str:
        replicates = ", replicates=True" if self.replicates else ""
        return f"Fidelity({self.name!r}, max={self.max:g}, min={self.min:g}{replicates})"


def _path(storage: str | os.PathLike[str] | None) -> str | None:
    if storage is None:
        return None
    path = os.fspath(storage)
    if not isinstance(path, str):
        raise TypeError(f"storage must be a path, not {storage!r}")
    if path.startswith("sqlite:///"):
        path = path[len("sqlite:///"):]
    if "://" in path:
        raise InvalidStudyError(f"storage must be the path of a file, not {path!r}")
    if not path:
        raise InvalidStudyError("storage must be the path of a file, not an empty text")
    return path


def _part(part: Part, place: str) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, Mapping):
        return _plain(part, place)
    raise TypeError(f"a {place} is a name or a dict with its name and options, not {part!r}")


def _plain(value: Any, place: str) -> Any:
    """What a study file may hold, with NumPy's scalars as plain ones."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place} must be a finite number, not {value!r}")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{place} cannot be {value!r}: use numbers, texts, truth values, lists and dicts")


def default_sampler(objectives: int) -> str:
    """The sampler for so many objectives, where none is named."""
    return "auto" if objectives == 1 else "random"


def create_study(
    *, storage: str | os.PathLike[str] | None = None, study_name: str | None = None,
    direction: str | StudyDirection | None = None, directions: Sequence[str | StudyDirection] | None = None,
    metric: str | Sequence[str] | None = None, space: Space | Mapping[str, Parameter] | None = None,
    sampler: Part | None = None, scheduler: Part | None = None, fidelity: Fidelity | None = None,
    seed: int | None = None, budget: Mapping[str, Any] | None = None, load_if_exists: bool = False,
    durability: str = "durable", outcome_constraints: Sequence[str] | None = None,
    transfer: Mapping[str, Any] | None = None, cost: str | None = None,
) -> Study:
    """Create a study, in memory or in a store file that any number of processes may share.

    - direction: ``"minimize"`` (when left out) or ``"maximize"``; ``directions`` for several objectives.
    - metric: the objectives' names in the store; ``value`` when left out.
    - space: the parameters, when they are known before; without it they grow as trials ask for them.
    - sampler: its name, or a dict with its name and options, such as ``{"name": "tpe", "startup": 20}``; when left out
      ``auto``, and with several objectives random search. ``trimtab methods`` lists all. Where the objective takes less
      than a few milliseconds, ``tpe`` asks sooner.
    - scheduler: which trials go on; with a fidelity ASHA that stops trials early, when left out.
    - budget: ``trials``, ``time`` or ``cost``, for all processes together; ``optimize`` ends when it is spent.
    - outcome_constraints: bounds on metrics that trials report besides the objective, such as ``"latency_ms <= 20"``:
      the best trial is one that keeps them all, and the sampler learns where they are kept.
    - transfer: the earlier studies to learn from, such as ``{"from": ["last-year.trimtab"]}``; the keys are those of a
      study file's ``transfer``. Needs a declared space.
    - cost: the metric in which trials report what they have cost so far, with ``trial.report_metrics``; when left out,
      the seconds that they ran.
    - durability: ``"durable"``: results survive a power cut; ``"relaxed"``: only the death of processes, ten times as
      fast.

    >>> import trimtab as tt
    >>> with tt.create_study(direction="maximize", seed=7) as study:
    ...     study.optimize(lambda trial: -abs(trial.suggest_int("n", 0, 100) - 42), n_trials=80)
    ...     best = study.best_params["n"]
    >>> 30 < best < 54
    True
    """
    if direction is not None and directions is not None:
        raise TypeError("give either direction or directions")
    if study_name is not None and not isinstance(study_name, str):
        raise TypeError(f"study_name must be a text, not {study_name!r}")
    if directions is not None and (isinstance(directions, str) or not isinstance(directions, Sequence)):
        raise TypeError(f"directions is a list such as ['minimize', 'maximize'], not {directions!r}")
    if metric is not None and not isinstance(metric, str):
        if not isinstance(metric, Sequence) or not all(isinstance(name, str) for name in metric):
            raise TypeError(f"metric is a name, or a list with the name of each objective, not {metric!r}")
    if space is not None and not isinstance(space, (Space, Mapping)):
        raise TypeError(f"space is a tt.Space, or a dict of parameters by name, not {space!r}")
    goals = [StudyDirection(goal).value for goal in ([direction or "minimize"] if directions is None else directions)]
    if not goals:
        raise ValueError("directions must name at least one")
    if metric is None:
        names = ["value"] if len(goals) == 1 else [f"value{index}" for index in range(len(goals))]
    else:
        names = [metric] if isinstance(metric, str) else list(metric)
    if len(names) != len(goals):
        raise ValueError(f"there are {len(goals)} directions and {len(names)} metrics")
    objectives = [{"metric": name, "goal": goal} for name, goal in zip(names, goals)]
    specification: dict[str, Any] = {"study": study_name or f"study-{os.urandom(4).hex()}"}
    if len(objectives) == 1:
        specification["objective"] = objectives[0]
    else:
        specification["objectives"] = objectives
    if fidelity is not None:
        if not isinstance(fidelity, Fidelity):
            raise TypeError(f"fidelity must be one such as tt.Fidelity('epoch', max=27), not {fidelity!r}")
        specification["fidelity"] = fidelity.json()
    method: dict[str, Any] = {}
    method["sampler"] = default_sampler(len(objectives)) if sampler is None else _part(sampler, "sampler")
    if scheduler is not None:
        method["scheduler"] = _part(scheduler, "scheduler")
    elif fidelity is not None and len(objectives) == 1:
        # Two brackets, as in a study file: a first level that misleads does not decide.
        method["scheduler"] = {"name": "asha", "variant": "stopping"} | (
            {"brackets": 2} if fidelity.min < fidelity.max else {})
    else:
        method["scheduler"] = "full"
    specification["method"] = method
    if budget is not None:
        specification["budget"] = _plain(budget, "budget")
    if seed is not None:
        specification["seed"] = _plain(seed, "seed")
    if durability != "durable":
        specification["durability"] = durability
    if outcome_constraints is not None:
        if isinstance(outcome_constraints, str) or not isinstance(outcome_constraints, Sequence):
            raise TypeError(
                f"outcome_constraints is a list such as ['latency_ms <= 20'], not {outcome_constraints!r}")
        if outcome_constraints:
            specification["outcome-constraints"] = list(outcome_constraints)
    if transfer is not None:
        specification["transfer"] = _plain(transfer, "transfer")
    if cost is not None:
        specification["cost"] = _plain(cost, "cost")
    if space is None:
        specification["grows"] = True
    else:
        declared = space if isinstance(space, Space) else Space(space)
        specification["space"] = declared.json()
        if declared.constraints:
            specification["constraints"] = declared.constraints
    path = _path(storage)
    study = Study(Local(specification, path, "create_or_open" if load_if_exists else "create"), path)
    if load_if_exists and (direction or directions) and [goal.value for goal in study.directions] != goals:
        study.close()
        raise ConflictError(
            f"the study '{study_name}' has other directions: {[goal.value for goal in study.directions]}")
    if load_if_exists and outcome_constraints is not None:
        present = study.outcome_constraints
        if sorted(map(_bound, present)) != sorted(map(_bound, outcome_constraints)):
            study.close()
            raise ConflictError(
                f"the study '{study_name}' has other outcome constraints: {present} (trimtab amend changes them)")
    return study


def load_study(study_name: str | None = None, storage: str | os.PathLike[str] | None = None) -> Study:
    """Open a study of a store file: one of this package's, or of ``trimtab tune``.

    - study_name: may be left out when the store holds one study.
    """
    path = _path(storage)
    if path is None:
        raise TypeError("load_study needs the storage: a study in memory ends with its process")
    return Study(Local(study_name, path, "open"), path)


__all__ = ["Fidelity", "create_study", "load_study"]
