"""Studies."""

from __future__ import annotations

import json
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from ._engine import COMPLETED, PAUSE, PAUSED, RUN, STOP, WAIT, Transport, core, number
from ._errors import InvalidReportError, NotFoundError, StudyFinished, TrimtabError, TrimtabWarning
from ._frozen import FrozenTrial, StudyDirection, TrialState, user_attributes
from ._space import Float, Int, Parameter, Space, encode_choice
from ._trial import Trial, _listed, _objective
from ._waiting import Patience

if TYPE_CHECKING:
    import pandas as pd

Objective = Callable[[Trial], Union[float, Sequence[float]]]
Callback = Callable[["Study", FrozenTrial], None]
#: How a trial ended: its state, its values, and why it failed, as a word and as a sentence.
Ending = tuple[TrialState, Union[float, list[float], None], Union[str, None], Union[str, None]]


class Known:
    """The parameters of a study at one of its revisions. Later revisions only add parameters, at the end."""

    def __init__(self, space: Space, revision: int) -> None:
        self.space = space
        self.revision = revision
        #: Signature, parameter, and first slot, by name.
        self.entries: dict[str, tuple[Any, Parameter, int]] = {}
        #: Numbers that stand for themselves in a slot.
        self.domains: dict[str, bytes] = {}
        slot = 0
        for name, parameter in space.parameters.items():
            self.entries[name] = (parameter.signature(), parameter, slot)
            if type(parameter) is Float:
                self.domains[name] = core().domain(
                    "f", parameter.low, parameter.high, parameter.step, parameter.log, slot)
            elif type(parameter) is Int and max(-parameter.low, parameter.high, parameter.step) < 1 << 53:
                self.domains[name] = core().domain(
                    "i", parameter.low, parameter.high, parameter.step, parameter.log, slot)
            slot += parameter.slot_count
        self.slot_count = slot


class Study:
    """What is optimised, every trial of it, and the way to more.

    Made by ``create_study`` and ``load_study``. Any thread may use it. As a context manager it is closed at the end.
    """

    def __init__(self, transport: Transport, store: str | None = None) -> None:
        self._transport = transport
        self._store = store
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._known = Known(Space(), -2)
        self._finished: list[FrozenTrial] = []
        self._refresh()
        self._optimizing = threading.local()

    # What it is

    def _refresh(self) -> None:
        described = self._transport.result("describe")
        self._specification: dict[str, Any] = described["specification"]
        self._notes: dict[str, Any] = described["notes"]
        specification = self._specification
        self._grows = bool(specification.get("grows", False))
        objectives = specification.get("objectives") or [specification["objective"]]
        self._metrics: list[str] = [objective["metric"] for objective in objectives]
        scheduler = specification["method"]["scheduler"]
        #: What judges trials by all objectives on the way, if anything does.
        self._judge: str | None = scheduler if isinstance(scheduler, str) else scheduler["name"]
        if len(self._metrics) == 1 or self._judge == "full":
            self._judge = None
        self._directions = [StudyDirection(objective["goal"]) for objective in objectives]
        fidelity = specification.get("fidelity")
        self._maximum: float | None = None if fidelity is None else float(fidelity["max"])
        self._counts_replicates = fidelity is not None and bool(fidelity.get("replicates", False))
        self._bounds: list[str] = specification.get("outcome-constraints", [])
        #: The metrics besides the objectives that the study itself looks at.
        self._wanted = {_bound(text)[0] for text in self._bounds}
        if "cost" in specification:
            self._wanted.add(specification["cost"])
        if described["revision"] != self._known.revision:
            self._known = Known(
                Space.from_json(specification.get("space", {}), specification.get("constraints", [])),
                described["revision"])

    def _known_at(self, revision: int) -> Known:
        """The parameters at a revision or a later one; −1 for one that is not told."""
        known = self._known
        if known.revision < revision or (revision < 0 and (self._grows or self._maximum is not None)):
            with self._lock:
                self._refresh()
                known = self._known
        return known

    @property
    def study_name(self) -> str:
        """Its name in the store."""
        return str(self._specification["study"])

    @property
    def storage(self) -> str | None:
        """The path of its store; None for a study in memory."""
        return self._store

    @property
    def directions(self) -> list[StudyDirection]:
        """Which values are better, for each objective."""
        return list(self._directions)

    @property
    def direction(self) -> StudyDirection:
        """Which values are better, in a study with one objective."""
        if len(self._directions) > 1:
            raise ValueError("the study has several objectives: use directions")
        return self._directions[0]

    @property
    def metric_names(self) -> list[str]:
        """The names of the objectives."""
        return list(self._metrics)

    @property
    def outcome_constraints(self) -> list[str]:
        """The bounds on metrics, such as ``latency_ms <= 20``, that a trial has to keep to be the best."""
        return list(self._bounds)

    @property
    def space(self) -> Space:
        """The parameters as they are now."""
        with self._lock:
            self._refresh()
            return self._known.space

    @property
    def specification(self) -> dict[str, Any]:
        """Everything that defines it, as a study file would have it."""
        with self._lock:
            self._refresh()
        return json.loads(json.dumps(self._specification))  # type: ignore[no-any-return]

    @property
    def user_attrs(self) -> dict[str, Any]:
        """Attributes that were set, by key."""
        with self._lock:
            self._refresh()
        return user_attributes(self._notes)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a value with the study: anything that JSON can hold."""
        self._note(None, key, value)

    def _note(self, trial: int | None, key: str, value: Any) -> None:
        if not isinstance(key, str) or not key:
            raise TypeError(f"the key of an attribute must be a text, not {key!r}")
        if key.startswith("trimtab:"):
            raise ValueError(f"keys that begin with 'trimtab:' are Trimtab's own: {key!r}")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TypeError(f"the attribute '{key}' cannot be kept: {error}") from None
        members = {} if trial is None else {"trial": trial}
        self._transport.result("note", key=key, value=value, **members)

    # Its trials

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order of their numbers.

        >>> import trimtab as tt
        >>> study = tt.create_study()
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
        >>> [trial.state.name for trial in study.trials]
        ['COMPLETE', 'COMPLETE', 'COMPLETE']
        """
        with self._lock:
            self._refresh()
            parameters = self._known.space.parameters
            fresh = [
                FrozenTrial.from_json(trial, parameters)
                for trial in self._transport.result("trials", **{"from": len(self._finished)})
            ]
            result = self._finished + fresh
            for trial in fresh:
                if not trial.state.is_finished():
                    break
                self._finished.append(trial)
            return result

    def get_trials(self, states: Iterable[TrialState] | None = None) -> list[FrozenTrial]:
        """The trials in some states."""
        wanted = set(TrialState) if states is None else set(states)
        return [trial for trial in self.trials if trial.state in wanted]

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The trials that no other one betters in all objectives; with one objective, the best one."""
        found = self._transport.result("best")
        with self._lock:
            self._refresh()
            parameters = self._known.space.parameters
        return [FrozenTrial.from_json(trial, parameters) for trial in found]

    @property
    def best_trial(self) -> FrozenTrial:
        """The best trial of a study with one objective, of those that keep all outcome constraints."""
        if len(self._metrics) > 1:
            raise ValueError("the study has several objectives: use best_trials")
        best = self.best_trials
        if not best:
            if self._bounds:
                raise NotFoundError(
                    f"no trial has a value and keeps the bounds yet: {', '.join(self._bounds)} (study.trials has the "
                    "metrics of each)")
            raise NotFoundError("no trial has a value yet")
        return best[0]

    @property
    def best_params(self) -> dict[str, Any]:
        """The values of the best trial.

        >>> import trimtab as tt
        >>> study = tt.create_study(seed=3)
        >>> study.optimize(lambda trial: (trial.suggest_float("x", -5, 5) - 1) ** 2, n_trials=60)
        >>> abs(study.best_params["x"] - 1) < 0.2
        True
        """
        return self.best_trial.params

    @property
    def best_value(self) -> float:
        """The objective of the best trial."""
        value = self.best_trial.value
        if value is None:
            raise NotFoundError("no trial has a value yet")
        return value

    def trials_dataframe(self) -> pd.DataFrame:
        """All trials as a table of pandas, one row each; ``params_x`` holds the values of x.

        ``metrics_m`` holds those of a metric m that is no objective.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("trials_dataframe needs pandas: pip install pandas") from error
        rows = []
        for trial in self.trials:
            row: dict[str, Any] = {"number": trial.number}
            values: Sequence[float | None] = trial.values or [None] * len(self._metrics)
            names = ["value"] if len(values) == 1 else [f"values_{index}" for index in range(len(values))]
            row.update(zip(names, values))
            row["datetime_start"] = trial.datetime_start
            row["datetime_complete"] = trial.datetime_complete
            row["duration"] = trial.duration
            row.update({f"params_{name}": value for name, value in trial.params.items()})
            row.update({f"metrics_{name}": value for name, value in trial.metrics.items()})
            row.update({f"user_attrs_{key}": value for key, value in trial.user_attrs.items()})
            row["state"] = trial.state.name
            rows.append(row)
        columns: dict[str, None] = dict.fromkeys(key for row in rows for key in row if key != "state")
        return pd.DataFrame(rows, columns=[*columns, "state"] if rows else ["number", "value", "state"])

    # Asking and telling

    def ask(self, timeout: float | None = None) -> Trial:
        """The next trial to run, recorded as running. End it with ``tell``.

        Waits while the study has nothing to do for now, at most so many seconds. Raises ``StudyFinished`` when there is
        nothing left to do, and, without a timeout, ``StuckError`` when it would wait for trials that only the caller
        can end: all that run were asked for here, and the program has no other thread.

        >>> import trimtab as tt
        >>> study = tt.create_study(space={"k": tt.Categorical(["a", "b"])})
        >>> one, two = study.ask(), study.ask()
        >>> try:
        ...     study.ask()
        ... except tt.StuckError:
        ...     print(study.tell(one, 1.0).state.name)
        COMPLETE
        """
        import time

        deadline = None if timeout is None else time.monotonic() + timeout
        patience = Patience(self, longest=0.1, gives_up=timeout is None)
        trial = Trial(self)
        while True:
            answer = self._ask(trial)
            if answer == RUN:
                return trial
            if answer != WAIT:
                raise StudyFinished(str(answer))
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"the study had nothing to do for {timeout} s")
            patience.wait()

    def _ask(self, trial: Trial, goes_on: bool = False) -> int | str:
        transport = self._transport
        answer = transport.ask_to_continue(trial) if goes_on else transport.ask(trial, self._known)
        if answer == RUN and trial._known is None:
            trial._begin()
        return answer

    def tell(
        self, trial: Trial | int, values: float | Sequence[float] | None = None, state: TrialState | None = None, *,
        metrics: Mapping[str, float] | None = None,
    ) -> FrozenTrial:
        """End a trial with its value, or with one value for each objective, or with a state.

        - state: ``TrialState.PRUNED`` or ``TrialState.FAIL``; without it the trial is complete. A value that is not
          finite makes it fail, and so does a metric that an outcome constraint bounds and that was never reported.
        - metrics: what was measured besides, by name.

        >>> import trimtab as tt
        >>> study = tt.create_study(direction="maximize")
        >>> trial = study.ask()
        >>> x = trial.suggest_float("x", 0, 1)
        >>> study.tell(trial, x).value == x
        True
        """
        if not isinstance(trial, Trial):
            raise TypeError(f"tell needs the trial that ask gave, not {trial!r}")
        if trial.study is not self:
            raise ValueError(f"{trial!r} belongs to another study: {trial.study!r}")
        if state is None or state is TrialState.COMPLETE:
            if values is None:
                raise TypeError("tell needs a value, or a state")
            numbers = self._check_values(values)
            others = None if metrics is None else self._check_metrics(metrics)
            return trial._frozen(*self._complete(trial, numbers, others))
        if metrics:
            # A trial that ends early keeps what it measured.
            trial.report_metrics(metrics)
        if state is TrialState.PRUNED or state is TrialState.PAUSED:
            return trial._frozen(*self._prune(trial))
        if state is TrialState.FAIL:
            return trial._frozen(*self._fail(trial, None))
        if not isinstance(state, TrialState):
            raise TypeError(f"state must be a trimtab.TrialState, not {state!r}")
        raise ValueError(f"a trial cannot be told as {state.name}")

    def _check_values(self, values: Any) -> float | list[float]:
        if type(values) is float and len(self._metrics) == 1:
            return values
        values = _listed(values)
        if isinstance(values, Sequence) and not isinstance(values, (str, bytes)):
            numbers = [_objective(value) for value in values]
        else:
            numbers = [_objective(values)]
        if len(numbers) != len(self._metrics):
            raise ValueError(f"the study has {len(self._metrics)} objectives, and {len(numbers)} values are given")
        return numbers

    def _check_metrics(self, metrics: Mapping[str, float]) -> dict[str, float]:
        if not isinstance(metrics, Mapping):
            raise TypeError(f"metrics must be a dict of names and numbers, not {metrics!r}")
        numbers = {}
        for name, value in metrics.items():
            if not isinstance(name, str) or not name:
                raise TypeError(f"the name of a metric must be a text, not {name!r}")
            if name in self._metrics:
                raise ValueError(f"'{name}' is an objective of the study: give it as the value, not among the metrics")
            numbers[name] = _objective(value)
        return numbers

    def _complete(
        self, trial: Trial, values: float | list[float], metrics: dict[str, float] | None = None
    ) -> Ending:
        trial._settle()
        transport = self._transport
        maximum = self._maximum
        if self._counts_replicates:
            return self._complete_mean(trial, metrics)
        # A run for a part of the resource may go further than it was asked for, up to the end.
        at = max(trial._target, trial._last_step)
        if maximum is not None and not _reaches(at, maximum):
            verdict = transport.report(trial, at, values, self._metrics, metrics)
            if metrics:
                trial._measured = {**trial._measured, **metrics}
            return self._end_part(trial, verdict, values)
        why = transport.complete(trial, maximum, values, self._metrics, metrics)
        if metrics:
            trial._measured = {**trial._measured, **metrics}
        return self._end(why, values)

    def _complete_mean(self, trial: Trial, metrics: dict[str, float] | None) -> Ending:
        """End a trial whose value is the mean of what it reported."""
        last, target = trial._last_step, trial._target
        if last < target:
            name = self._specification["fidelity"].get("name", "resource")
            raise InvalidReportError(
                f"trial {trial.number} has reported the values up to {name} {last:g}, and was to run up to {target:g}: "
                f"report the value of each, the next with trial.report(value, {last + 1:g}); their mean is the trial's")
        if metrics:
            trial.report_metrics(metrics)
        values = self._recorded(trial)
        if self._maximum is not None and last < self._maximum:
            return self._end_part(trial, trial._verdict, values)
        return self._end(self._transport.complete(trial, None, (), self._metrics), values)

    def _end_part(self, trial: Trial, verdict: int, values: float | list[float] | None) -> Ending:
        """End a run for a part of the resource: the scheduler says what becomes of the trial."""
        return self._give_up(trial, "stop" if verdict == STOP else "pause", values)

    def _give_up(self, trial: Trial, verb: str, values: float | list[float] | None) -> Ending:
        """Pause or stop a trial; one whose last value is no number fails."""
        answer = self._transport.request(verb, trial=trial.number, seconds=trial._seconds())
        trial._finish()
        if "why" in answer:
            return self._end(answer["why"], values)
        return TrialState.PAUSED if verb == "pause" else TrialState.PRUNED, values, None, None

    def _end(self, why: int | str, values: float | list[float] | None) -> Ending:
        """How a run for the whole resource ended, by what the engine says of it."""
        if why == COMPLETED:
            return TrialState.COMPLETE, values, None, None
        if why == PAUSED:
            # The maximum was raised while it ran.
            return TrialState.PAUSED, values, None, None
        numbers = [values] if isinstance(values, float) else values or []
        if self._bounds and all(map(math.isfinite, numbers)):
            # A metric that is forgotten is forgotten in every trial.
            warnings.warn(
                f"a trial failed: {why} (give it to trial.report_metrics, or as metrics= with the value)",
                TrimtabWarning, stacklevel=3)
        return TrialState.FAIL, values, "invalidValue", str(why)

    def _recorded(self, trial: Trial) -> float | list[float] | None:
        """The objectives of a trial as the study has them; None while any is missing."""
        told = self._transport.result("trials", only=[trial.number])[0]["objectives"].values()
        values = [number(value) for value in told if value is not None]
        if len(values) < len(self._metrics):
            return None
        return values[0] if len(values) == 1 else values

    def _prune(self, trial: Trial) -> Ending:
        trial._settle()
        values = self._recorded(trial) if trial._reports else None
        return self._give_up(trial, "pause" if trial._verdict == PAUSE else "stop", values)

    def _fail(self, trial: Trial, error: BaseException | None) -> Ending:
        message = "" if error is None else f"{type(error).__name__}: {error}"
        kind = "outOfMemory" if isinstance(error, MemoryError) else "crash"
        try:
            trial._settle()
        except (TrimtabError, TypeError, ValueError):
            # A trial that asked for what cannot be has failed of that, and keeps what it was proposed.
            trial._settled = trial._value_count
        self._transport.request(
            "fail", trial=trial.number, kind=kind, message=message[:1000].encode(errors="replace").decode(),
            seconds=trial._seconds())
        trial._finish()
        return TrialState.FAIL, None, kind, message or None

    def _release(self, trial: Trial) -> None:
        """Give a trial back unfinished; it will be the first to go on."""
        self._transport.request("release", trial=trial.number, seconds=trial._seconds())
        trial._finish()

    def enqueue_trial(self, params: Mapping[str, Any], user_attrs: Mapping[str, Any] | None = None) -> int:
        """Put values in the queue of those to try next; returns the trial's number.

        Parameters that are not named get suggestions when the trial asks for them; in a declared space, their default
        or the middle of their range. A value that a parameter of the study cannot have is refused; one that a parameter
        which the trial is the first to ask for cannot have fails the trial when it asks.

        >>> import trimtab as tt
        >>> study = tt.create_study()
        >>> study.enqueue_trial({"x": 0.25})
        0
        >>> study.ask().suggest_float("x", 0, 1)
        0.25
        """
        if not isinstance(params, Mapping):
            raise TypeError(f"params must be a dict of names and values, not {params!r}")
        with self._lock:
            self._refresh()
        config = {name: self._encode(name, value) for name, value in params.items()}
        members: dict[str, Any] = {"notes": dict(user_attrs)} if user_attrs else {}
        return int(self._transport.result("enqueue", config=config, **members))

    def _encode(self, name: str, value: Any) -> Any:
        entry = self._known.entries.get(name)
        if entry is not None:
            return entry[1].encode(value, name)
        if isinstance(value, (list, tuple)):
            return [encode_choice(item, name) for item in value]
        return encode_choice(value, name)

    def add_trial(
        self, params: Mapping[str, Any], distributions: Mapping[str, Parameter],
        values: float | Sequence[float] | None = None, *, state: TrialState = TrialState.COMPLETE,
        intermediate_values: Mapping[float, float] | None = None, user_attrs: Mapping[str, Any] | None = None,
        seconds: float = 0.0, metrics: Mapping[str, float] | None = None,
    ) -> int:
        """Take over a trial that was run elsewhere; returns its number.

        - metrics: what was measured besides the objectives, by name.

        >>> import trimtab as tt
        >>> study = tt.create_study()
        >>> study.add_trial({"x": 0.5}, {"x": tt.Float(0, 1)}, 0.25)
        0
        >>> study.best_value
        0.25
        """
        trial: dict[str, Any] = {"state": state.value, "seconds": seconds, "used": {}}
        for name, value in params.items():
            if name not in distributions:
                raise ValueError(f"the parameter '{name}' has no distribution")
            parameter = distributions[name]
            trial["used"][name] = {"parameter": parameter.json(), "value": parameter.encode(value, name)}
        if values is not None:
            numbers = self._check_values(values)
            trial["metrics"] = dict(zip(self._metrics, [numbers] if isinstance(numbers, float) else numbers))
        if metrics:
            trial["metrics"] = {**trial.get("metrics", {}), **self._check_metrics(metrics)}
        if intermediate_values:
            points = sorted(intermediate_values.items())
            trial["curve"] = {"resource": [at for at, _ in points], "value": [value for _, value in points]}
        if user_attrs:
            trial["notes"] = dict(user_attrs)
        return int(self._transport.result("add", trials=[trial]))

    # Optimising

    def optimize(
        self, objective: Objective, n_trials: int | None = None, timeout: float | None = None, n_jobs: int = 1,
        catch: type[Exception] | Iterable[type[Exception]] = (), callbacks: Iterable[Callback] | None = None, *,
        processes: bool = False,
    ) -> None:
        """Run trials until so many were run, so many seconds have passed, or the study has nothing more to do.

        A trial that its scheduler pauses and sends on counts once. When so many were run, those go on that the
        scheduler sends on before a new one.

        An exception of the objective fails its trial, and ends ``optimize`` unless it is among ``catch``; it comes out
        with its traceback. ``KeyboardInterrupt`` gives the trials that run back: they are the first to go on later.

        - n_jobs: trials at a time, in threads of this process; −1 for as many as there are processors.
        - processes: run them in processes instead, where the objective does not let other threads work. The objective
          must be one that ``multiprocessing`` can hand over.
        - callbacks: called with the study and the trial after each trial, in this process.
        """
        from ._optimize import optimize

        optimize(
            self, objective, n_trials, timeout, n_jobs, catch, list(callbacks or ()), processes=processes)

    def stop(self) -> None:
        """End ``optimize`` once the trials that run have ended; for objectives and callbacks."""
        self._stopping.set()

    # The end

    def close(self) -> None:
        """Let go of the store. Trials that run are given back; the study cannot be used any more."""
        self._transport.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        transport = getattr(self, "_transport", None)
        if transport is not None:
            try:
                transport.close()
            except Exception:  # noqa: S110 - nobody is left to hear of it
                pass

    def __reduce__(self) -> Any:
        if self._store is None:
            raise TypeError(
                "a study in memory cannot be pickled: give create_study a storage path, which other processes can open")
        from ._create import load_study

        return load_study, (self.study_name, os.path.abspath(self._store))

    def __repr__(self) -> str:
        return f"Study({self.study_name!r}, storage={self._store!r})"


def _reaches(resource: float, level: float) -> bool:
    """Whether a resource has come to a level, by the engine's rule: a sum of parts may fall short by a hair."""
    return resource >= level - min(1e-5 * level, 0.25)


def _bound(text: str) -> tuple[str, str, float]:
    """An outcome constraint, which the engine has accepted, whatever its spacing."""
    relation = "<=" if "<=" in text else ">="
    metric, _, bound = text.partition(relation)
    return metric.strip(), relation, float(bound)


__all__ = ["Callback", "Ending", "Objective", "Study"]
