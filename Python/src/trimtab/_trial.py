"""A trial while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ._engine import PROCEED, Run
from ._errors import ConflictError, TrialPruned, TrimtabError
from ._frozen import FrozenTrial, TrialState, user_attributes
from ._space import Categorical, Float, Int, Parameter

if TYPE_CHECKING:
    from ._study import Study

Choice = TypeVar("Choice")

_ENQUEUED = "trimtab:enqueued"

#: Stands for "no value", where None is one.
_NOTHING: Any = object()


class Trial:
    """One configuration that is being tried. An objective gets it as its argument; ``study.ask()`` gives it too.

    As a context manager it is told to the study at the end: as failed when an exception leaves the block, as pruned for
    ``TrialPruned``, and otherwise with what ``complete`` was given.

    >>> import trimtab as tt
    >>> study = tt.create_study(seed=1)
    >>> with study.ask() as trial:
    ...     x = trial.suggest_float("x", -1, 1)
    ...     trial.complete(x * x)
    >>> study.best_params == {"x": x}
    True
    """

    __slots__ = (
        "_attributes", "_begun", "_fixed", "_is_over", "_is_settled", "_known", "_new", "_quick", "_reports", "_run", "_slots",
        "_study", "_values", "_verdict")

    def __init__(self, study: Study, run: Run) -> None:
        self._study = study
        self._run = run
        known = study._known_at(run.revision)
        if run.slots is None:
            config = run.config or {}
            self._slots: Sequence[Any] = [config.get(name) for name in known.names]
            self._known: Mapping[str, Any] = known.by_name
        else:
            self._slots = run.slots
            self._known = known.by_slot
        self._fixed: dict[str, Any] = run.notes.get(_ENQUEUED, {}) if run.notes else {}
        # Numbers that stand for themselves in a slot can be handed out without further ado.
        self._quick: Mapping[str, Any] = (
            known.numbers if run.slots is not None and len(run.slots) == known.slot_count and not self._fixed else {})
        self._values: dict[str, Any] = {}
        # Parameters that were not proposed.
        self._new: dict[str, tuple[Parameter, Any]] = {}
        self._is_settled = False
        self._reports: dict[float, float] = {}
        self._attributes: dict[str, Any] = user_attributes(run.notes) if run.notes else {}
        self._verdict = PROCEED
        self._is_over = False
        self._begun = time.perf_counter()
        if not study._grows:
            self._values.update(self._declared())

    # What it is

    @property
    def number(self) -> int:
        """Its number within the study, from 0."""
        return self._run.number

    @property
    def params(self) -> dict[str, Any]:
        """The values that were suggested so far; in a declared space, all of them."""
        return dict(self._values)

    @property
    def seed(self) -> int:
        """A seed of its own, the same in every run of the trial."""
        return self._run.seed

    @property
    def attempt(self) -> int:
        """1 for the first run, counting runs that failed or were lost."""
        return self._run.attempt

    @property
    def resource(self) -> float | None:
        """The resource to reach, such as the number of epochs; None without fidelity."""
        return self._run.target

    @property
    def reached(self) -> float:
        """The resource that earlier runs of the trial reached; 0 at the beginning."""
        return self._run.reached or 0.0

    @property
    def study(self) -> Study:
        """The study that it belongs to."""
        return self._study

    @property
    def user_attrs(self) -> dict[str, Any]:
        """Attributes that were set, by key."""
        return dict(self._attributes)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a value with the trial: anything that JSON can hold.

        >>> import trimtab as tt
        >>> study = tt.create_study()
        >>> trial = study.ask()
        >>> trial.set_user_attr("commit", "1a2b3c")
        >>> trial.user_attrs
        {'commit': '1a2b3c'}
        """
        self._study._note(self.number, key, value)
        self._attributes[key] = value

    # Suggestions

    def _declared(self) -> dict[str, Any]:
        values = {}
        for name, (_, parameter, slot) in self._known.items():
            value = self._proposed(parameter, slot)
            if value is not _NOTHING:
                values[name] = value
        return values

    def _proposed(self, parameter: Parameter, slot: int) -> Any:
        """The value of a parameter in the proposal, if it has one."""
        if slot >= len(self._slots):
            return _NOTHING
        raw = self._slots[slot]
        if self._run.slots is None:
            return _NOTHING if raw is None else parameter.decode(raw)
        return _NOTHING if raw != raw else parameter.from_slot(self._slots, slot)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A real number between two bounds, both included.

        - step: only ``low``, ``low + step``, … are suggested; ``high`` must be one of them.
        - log: equal factors are equally likely, not equal distances.

        >>> import trimtab as tt
        >>> study = tt.create_study()
        >>> 1e-4 <= study.ask().suggest_float("rate", 1e-4, 1, log=True) <= 1
        True
        """
        entry = self._quick.get(name)
        if entry is not None and entry[0] == ("float", low, high, step, log):
            value = self._slots[entry[1]]
            if value == value:
                self._values[name] = value
                return value  # type: ignore[no-any-return]
        return self._suggest(name, Float(low, high, step=step, log=log))  # type: ignore[no-any-return]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number between two bounds, both included. See ``suggest_float``."""
        entry = self._quick.get(name)
        if entry is not None and entry[0] == ("integer", low, high, step, log):
            value = self._slots[entry[1]]
            if value == value:
                value = int(value)
                self._values[name] = value
                return value  # type: ignore[no-any-return]
        return self._suggest(name, Int(low, high, step=step, log=log))  # type: ignore[no-any-return]

    def suggest_categorical(self, name: str, choices: Iterable[Choice]) -> Choice:
        """One of several choices: None, truth values, numbers or texts.

        >>> import trimtab as tt
        >>> tt.create_study().ask().suggest_categorical("optimizer", ["sgd", "adam"]) in ["sgd", "adam"]
        True
        """
        return self._suggest(name, Categorical(choices))  # type: ignore[no-any-return]

    def suggest(self, name: str, parameter: Parameter) -> Any:
        """A value of any kind of parameter, such as ``tt.Permutation(["a", "b", "c"])``."""
        return self._suggest(name, parameter)

    def _suggest(self, name: str, parameter: Parameter) -> Any:
        if not isinstance(name, str):
            raise TypeError(f"the name of a parameter must be a text, not {name!r}")
        signature = parameter.signature()
        entry = self._known.get(name)
        if entry is not None:
            if entry[0] != signature:
                raise ConflictError(
                    f"the parameter '{name}' is {entry[1]!r} in this study, not {parameter!r}: its type and range "
                    "stay the same; use another name for another range, or a condition in the code")
            if name in self._values:
                return self._values[name]
        elif name in self._new:
            if self._new[name][0].signature() != signature:
                raise ConflictError(
                    f"the parameter '{name}' was {self._new[name][0]!r} before in this trial, not {parameter!r}")
            return self._values[name]
        if not self._study._grows:
            if entry is None:
                raise ConflictError(
                    f"the study has no parameter '{name}', and its space was declared: add it to tt.Space, or create "
                    "the study without one")
            raise ConflictError(f"the parameter '{name}' is not active in this trial: {entry[1].condition}")
        if self._is_over:
            raise TrimtabError(f"trial {self.number} is over: nothing more can be suggested")
        value = self._value(name, parameter, entry)
        if entry is None or name in self._fixed or self._proposed(entry[1], entry[2]) is _NOTHING:
            self._new[name] = (parameter, value)
        self._values[name] = value
        self._is_settled = False
        return value

    def _value(self, name: str, parameter: Parameter, entry: Any) -> Any:
        if name in self._fixed:
            value = parameter.decode(self._fixed[name])
            parameter.check(value, name)
            return value
        if entry is not None:
            value = self._proposed(entry[1], entry[2])
            if value is not _NOTHING:
                return value
        drawn = self._study._transport.result(
            "draw", trial=self.number, name=name, parameter=parameter.json())
        return parameter.decode(drawn)

    def _settle(self) -> None:
        """Record what the trial used, where that is not what was proposed."""
        if self._is_settled or not self._study._grows:
            return
        self._is_settled = True
        if not self._new and len(self._values) == len(self._known) and not self._fixed:
            return
        if not self._values and not self._known:
            return
        used = {}
        for name, value in self._values.items():
            parameter = self._new[name][0] if name in self._new else self._known[name][1]
            used[name] = {"parameter": parameter.json(), "value": parameter.encode(value, name)}
        self._study._transport.result("settle", trial=self.number, used=used)

    # Reports

    def report(self, value: float, step: float) -> None:
        """Report the objective on the way, at a step from 1 on: the resource spent so far, such as epochs.

        >>> import trimtab as tt
        >>> study = tt.create_study(fidelity=tt.Fidelity("epoch", max=9))
        >>> trial = study.ask()
        >>> trial.report(0.5, step=1)
        >>> trial.should_prune()
        False
        """
        number = _objective(value)
        resource = _objective(step)
        if not resource > 0:
            raise ValueError(f"the step must be above 0, not {step!r}: it says how much was spent, so count from 1")
        self._settle()
        self._verdict = self._study._transport.report(
            self.number, resource, [number], self._study._metrics[:1])
        self._reports.setdefault(resource, number)

    def should_prune(self) -> bool:
        """Whether the trial should end here, by what it reported last: raise ``TrialPruned`` then."""
        return self._verdict != PROCEED

    # The end

    def complete(self, values: float | Sequence[float]) -> None:
        """End the trial with its value, or one value for each objective."""
        self._study.tell(self, values)

    def _seconds(self) -> float:
        return time.perf_counter() - self._begun

    def _frozen(self, state: TrialState, values: list[float] | None, failure: str | None = None) -> FrozenTrial:
        return FrozenTrial(
            self.number, state, values, dict(self._values), dict(self._attributes), dict(self._reports),
            self._seconds(), self._run.target, None, failure)

    def __enter__(self) -> Trial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self._is_over:
            return False
        if error is None:
            raise TrimtabError(f"trial {self.number} has no value: call trial.complete(value) within the block")
        if isinstance(error, TrialPruned):
            self._study.tell(self, state=TrialState.PRUNED)
            return True
        if isinstance(error, Exception):
            self._study._fail(self, error)
        else:
            self._study._release(self)
        return False

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, params={self._values})"


def _objective(value: Any) -> float:
    """A value that an objective gave, as a plain number."""
    if type(value) is float:
        return value
    if value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"a value must be a number, not {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"a value must be a number, not {value!r} of type {type(value).__name__}") from None
