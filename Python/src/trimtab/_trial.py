"""A trial while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ._command import plain
from ._engine import PROCEED, core
from ._errors import ConflictError, TrialPruned, TrimtabError
from ._frozen import FrozenTrial, TrialState, user_attributes
from ._space import Categorical, Float, Int, Parameter

if TYPE_CHECKING:
    from ._study import Study

Choice = TypeVar("Choice")

_ENQUEUED = "trimtab:enqueued"

#: Never changed: what a trial has of something before it has any.
_NONE: dict[Any, Any] = {}

#: Stands for "no value", where None is one.
_NOTHING: Any = object()


class Trial(core().Run):  # type: ignore[misc]
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

    if TYPE_CHECKING:
        number: int
        attempt: int
        seed: int
        study: Study

    # Values by name, where a transport carries messages.
    _config: Mapping[str, Any] | None = None
    _notes: Mapping[str, Any] = _NONE
    # Values that a person enqueued, whatever parameters will be asked for.
    _fixed: Mapping[str, Any] = _NONE
    # Parameters that were not proposed.
    _new: Mapping[str, Parameter] = _NONE
    # How many values the study knows that the trial used; −1 while the proposal stands.
    _settled = -1
    _reports: dict[float, float] = _NONE
    _attributes: dict[str, Any] = _NONE
    # What was measured besides the objectives, as far as this run reported it.
    _measured: dict[str, float] = _NONE
    _verdict = PROCEED

    def _begin(self) -> None:
        """Take over what was asked, where that is more than numbers of parameters that are known."""
        known = self.study._known_at(self._revision)
        notes = self._notes
        if notes:
            self._fixed = notes.get(_ENQUEUED, _NONE)
            self._attributes = user_attributes(notes)
        if self._config is None and self._count == known.slot_count and not self._fixed:
            self._known = known.domains

    # What it is

    @property
    def params(self) -> dict[str, Any]:
        """The values that were suggested so far; in a declared space, all of them."""
        if not self.study._grows:
            for name, (_, parameter, slot) in self.study._known.entries.items():
                if name not in self._values:
                    value = self._proposed(name, parameter, slot)
                    if value is not _NOTHING:
                        self._values[name] = value
        return dict(self._values)

    @property
    def resource(self) -> float | None:
        """The resource to reach, such as the number of epochs; a whole number as an ``int``. None without fidelity."""
        target: float = self._target
        return None if target != target else plain(target)

    @property
    def reached(self) -> float:
        """The resource that earlier runs of the trial reached, a whole number as an ``int``; 0 at the beginning."""
        reached: float = self._reached
        return 0 if reached != reached else plain(reached)

    @property
    def _last_step(self) -> float:
        """The greatest resource at which this run or an earlier one reported; 0 at the beginning."""
        return max(self._reports, default=self.reached)

    @property
    def student(self) -> int | None:
        """The number of the trial from whose model this one begins, with the sampler ``boss``; else None."""
        return self._ancestor("student")

    @property
    def teacher(self) -> int | None:
        """The number of the trial whose model teaches this one's, with the sampler ``boss``; else None."""
        return self._ancestor("teacher")

    def _ancestor(self, role: str) -> int | None:
        number: int | None = self.study._transport.result("trials", only=[self.number])[0].get(role)
        return number

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
        self.study._note(self.number, key, value)
        self._attributes = {**self._attributes, key: value}

    # Suggestions

    def _proposed(self, name: str, parameter: Parameter, slot: int) -> Any:
        """The value of a parameter in the proposal, if it has one."""
        if self._config is not None:
            return parameter.decode(self._config[name]) if name in self._config else _NOTHING
        value = self._slot(slot)
        return _NOTHING if value != value else parameter.from_slots(self._slot, slot)

    if TYPE_CHECKING:

        def suggest_float(
            self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
        ) -> float:
            """A real number between two bounds, both included."""

        def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
            """A whole number between two bounds, both included."""

    # suggest_float and suggest_int look into the proposal by themselves, and come here for all else.

    def _suggest_float(self, name: str, low: float, high: float, step: float | None, log: bool) -> Any:
        return self._suggest(name, Float(low, high, step=step, log=log))

    def _suggest_int(self, name: str, low: int, high: int, step: int, log: bool) -> Any:
        return self._suggest(name, Int(low, high, step=step, log=log))

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
        study = self.study
        signature = parameter.signature()
        entry = study._known.entries.get(name)
        if entry is not None:
            if entry[0] != signature:
                raise ConflictError(
                    f"the parameter '{name}' is {entry[1]!r} in this study, not {parameter!r}: its type and range "
                    "stay the same; use another name for another range, or a condition in the code")
        elif name in self._new and self._new[name].signature() != signature:
            raise ConflictError(
                f"the parameter '{name}' was {self._new[name]!r} before in this trial, not {parameter!r}")
        values: dict[str, Any] = self._values
        if name in values:
            return values[name]
        if not study._grows and entry is None:
            raise ConflictError(
                f"the study has no parameter '{name}', and its space was declared: add it to tt.Space, or create "
                "the study without one")
        if self._is_over:
            raise TrimtabError(f"trial {self.number} is over: nothing more can be suggested")
        value = _NOTHING
        if entry is not None and name not in self._fixed:
            value = self._proposed(name, entry[1], entry[2])
        if value is _NOTHING and not study._grows and entry is not None:
            raise ConflictError(f"the parameter '{name}' is not active in this trial: {entry[1].condition}")
        if value is _NOTHING:
            # What was enqueued, or a draw.
            given = study._transport.result("draw", trial=self.number, name=name, parameter=parameter.json())
            value = parameter.decode(given)
            self._new = {**self._new, name: parameter}
        values[name] = value
        return value

    def _settle(self) -> None:
        """Record what the trial used, where that is not what was proposed."""
        study = self.study
        count: int = self._value_count
        if not study._grows or count == self._settled:
            return
        known = study._known
        # All that was proposed, and nothing else: the proposal stands. A later revision has more than was proposed.
        if (
            self._settled < 0 and not self._new and count == len(known.entries) and self._count == known.slot_count
        ):
            return
        used = {}
        for name, value in self._values.items():
            is_known = name in known.entries
            parameter = known.entries[name][1] if is_known else self._new[name]
            domain = parameter._domain() if is_known else parameter.json()
            used[name] = {"parameter": domain, "value": parameter.encode(value, name)}
        study._transport.result("settle", trial=self.number, used=used)
        self._settled = count

    # Reports

    def report(
        self, value: float | Sequence[float], step: float, *, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Report the objective on the way, at a step from 1 on: the resource spent so far, such as epochs.

        - value: with several objectives, a list with the value of each. A number alone is that of the first, which is
          enough where no scheduler judges trials.
        - metrics: what was measured besides, by name.

        >>> import trimtab as tt
        >>> study = tt.create_study(fidelity=tt.Fidelity("epoch", max=9))
        >>> trial = study.ask()
        >>> trial.report(0.5, step=1)
        >>> trial.should_prune()
        False
        """
        study = self.study
        value = _listed(value)
        if isinstance(value, Sequence):
            values = study._check_values(value)
        elif study._judge is None:
            values = _objective(value)
        else:
            raise ValueError(
                f"the scheduler {study._judge} judges trials by all objectives: report a list with the values of "
                f"{', '.join(study._metrics)}, not {value!r}")
        resource = _objective(step)
        if not resource > 0:
            raise ValueError(f"the step must be above 0, not {step!r}: it says how much was spent, so count from 1")
        others = None if metrics is None else study._check_metrics(metrics)
        self._settle()
        self._verdict = study._transport.report(self, resource, values, study._metrics, others)
        if others:
            self._measured = {**self._measured, **others}
        if resource not in self._reports:
            self._reports = {**self._reports, resource: values if isinstance(values, float) else values[0]}

    def report_metrics(self, metrics: Mapping[str, float]) -> None:
        """Report what was measured besides the objective, by name: what outcome constraints bound, for one.

        Of several reports of one metric the last one counts.

        >>> import trimtab as tt
        >>> study = tt.create_study(outcome_constraints=["latency_ms <= 20"])
        >>> def objective(trial):
        ...     width = trial.suggest_int("width", 1, 100)
        ...     trial.report_metrics({"latency_ms": width / 2})
        ...     return 1 / width
        >>> study.optimize(objective, n_trials=30)
        >>> study.best_params["width"] <= 40
        True
        """
        others = self.study._check_metrics(metrics)
        self._settle()
        if others:
            self._verdict = self.study._transport.note(self, others)
            self._measured = {**self._measured, **others}

    def should_prune(self) -> bool:
        """Whether the trial should end here, by what it reported last: raise ``TrialPruned`` then."""
        return self._verdict != PROCEED

    # The end

    def complete(self, values: float | Sequence[float], *, metrics: Mapping[str, float] | None = None) -> None:
        """End the trial with its value, or one value for each objective.

        - metrics: what was measured besides, by name.
        """
        self.study.tell(self, values, metrics=metrics)

    def _frozen(
        self, state: TrialState, values: float | list[float] | None, failure: str | None = None,
        message: str | None = None,
    ) -> FrozenTrial:
        return FrozenTrial(
            self.number, state, [values] if isinstance(values, float) else values, self.params, dict(self._attributes),
            dict(self._reports), self._seconds(), self.resource, None, failure, message=message,
            metrics=dict(self._measured))

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
            self.study.tell(self, state=TrialState.PRUNED)
            return True
        if isinstance(error, Exception):
            self.study._fail(self, error)
        else:
            self.study._release(self)
        return False

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(
            "a trial that runs belongs to its study, and cannot be pickled or copied: hand its params to another "
            "process, or let optimize start the processes (processes=True)")

    def __repr__(self) -> str:
        return f"Trial(number={self.number}, params={self.params})"


def _listed(value: Any) -> Any:
    """A vector of a library such as NumPy as a list; anything else as it is."""
    return value.tolist() if getattr(value, "ndim", 0) == 1 else value


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
