"""The engine behind a study: in this process over its C interface, or anywhere else over messages."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ._errors import TrimtabError, raise_answer
from ._native import check_system

if TYPE_CHECKING:
    from ._study import Known
    from ._trial import Trial

RUN, WAIT = 0, 1
PROCEED, PAUSE, STOP = 0, 1, 2
PAUSED, COMPLETED = 2, 3

_ENDINGS = {"completed": COMPLETED, "paused": PAUSED}
_VERDICTS = {"proceed": PROCEED, "pause": PAUSE, "stop": STOP}
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def number(value: Any) -> float:
    """A number as the protocol writes it: texts stand for those that JSON has not."""
    return _NOT_FINITE[value] if isinstance(value, str) else float(value)


class Transport:
    """Carries requests to a study and its answers back. Subclasses say how; any thread may call them."""

    def exchange(self, message: str) -> str:
        """The answer to one message."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the study. Trials that run are given back."""

    def request(self, verb: str, **members: Any) -> Any:
        """The content of the answer to a request.

        Raises the error that the answer holds.
        """
        message = {"verb": verb, **members}
        answer = json.loads(self.exchange(json.dumps(message, ensure_ascii=False)))
        if "error" in answer:
            raise_answer(answer["error"])
        return answer

    def result(self, verb: str, **members: Any) -> Any:
        """What a library's request asked for."""
        return self.request(verb, **members)["result"]

    def ask(self, trial: Trial, known: Known) -> int | str:
        """Fill a trial with what to run next: ``RUN``, ``WAIT`` (nothing for now), or why there will be nothing more.

        - known: the parameters as the study knows them, for transports that can spare it the names.
        """
        return self._asked(trial, self.request("ask"))

    def ask_to_continue(self, trial: Trial) -> int | str:
        """As ``ask``, for a trial that goes on; none is begun."""
        return self._asked(trial, self.request("ask", new=False))

    def _asked(self, trial: Trial, answer: Any) -> int | str:
        if "wait" in answer:
            return WAIT
        if "finished" in answer:
            return str(answer["finished"])
        run = answer["run"]
        trial._describe(
            run["trial"], run["attempt"], run.get("seed", 0), _or_nan(run.get("target")), _or_nan(run.get("from")))
        trial._config = run["config"]
        trial._notes = run.get("notes", {})
        return RUN

    def report(
        self, trial: Trial, resource: float | None, values: float | Sequence[float], names: Sequence[str],
        metrics: Mapping[str, float] | None = None,
    ) -> int:
        """Record values of a running trial; returns the verdict.

        - names: those of the objectives.
        - metrics: what was measured besides.
        """
        measured = _measured(trial, resource, dict(zip(names, _listed(values))), metrics)
        return _VERDICTS[self.request("report", **measured)["verdict"]]

    def note(self, trial: Trial, metrics: Mapping[str, float]) -> int:
        """Record metrics of a running trial that are no objectives; returns the verdict."""
        return _VERDICTS[self.request("report", **_measured(trial, None, {}, metrics))["verdict"]]

    def complete(
        self, trial: Trial, resource: float | None, values: float | Sequence[float], names: Sequence[str],
        metrics: Mapping[str, float] | None = None,
    ) -> int | str:
        """Record final values and end the trial; returns ``COMPLETED``, ``PAUSED``, or why it failed."""
        measured = _measured(trial, resource, dict(zip(names, _listed(values))), metrics)
        answer = self.request("complete", seconds=trial._seconds(), **measured)
        trial._finish()
        return _ENDINGS.get(answer["state"]) or str(answer.get("why", ""))


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _listed(values: float | Sequence[float]) -> Sequence[float]:
    return [values] if isinstance(values, float) else values


def _measured(
    trial: Trial, resource: float | None, objectives: Mapping[str, float], metrics: Mapping[str, float] | None
) -> dict[str, Any]:
    members: dict[str, Any] = {"trial": trial.number, "metrics": {**objectives, **(metrics or {})}}
    if resource is not None:
        members["resource"] = resource
    return members


_core: Any = None
_loading = threading.Lock()


def core() -> Any:
    """The extension module, which brings the engine with it; loaded at its first use."""
    global _core
    if _core is None:
        with _loading:
            try:
                from ._native import _core as loaded
            except ImportError as error:
                hint = check_system() or "install the wheel for this system: pip install --force-reinstall trimtab"
                raise TrimtabError(f"the engine of trimtab cannot be loaded: {error} ({hint})") from error
            _core = loaded
    return _core


def version() -> str:
    """The engine's version."""
    return str(core().version())


class Local(Transport):
    """A study of this process."""

    def __init__(self, study: Any, store: str | None, mode: str) -> None:
        self._handle = 0
        self._core = core()
        self._failure: type[Exception] = self._core.Failure
        request = json.dumps({"study": study, "store": store, "mode": mode}, ensure_ascii=False)
        try:
            self._handle = self._core.open(_encoded(request))
        except self._failure as failure:
            _raise(failure)

    def exchange(self, message: str) -> str:
        return self._core.request(self._handle, _encoded(message))  # type: ignore[no-any-return]

    def ask(self, trial: Trial, known: Known) -> int | str:
        try:
            answer: int | str = self._core.ask(self._handle, trial, known.revision, known.domains, known.slot_count)
        except self._failure as failure:
            _raise(failure)
        if trial._has_notes or trial._count < 0:
            # What does not fit into numbers, or more parameters than there was room for.
            told = self.result("trials", only=[trial.number])[0]
            trial._notes = told.get("notes", {})
            if trial._count < 0:
                trial._config = told["config"]
        return answer

    def report(
        self, trial: Trial, resource: float | None, values: float | Sequence[float], names: Sequence[str],
        metrics: Mapping[str, float] | None = None,
    ) -> int:
        if metrics:
            return super().report(trial, resource, values, names, metrics)
        try:
            return self._core.report(  # type: ignore[no-any-return]
                self._handle, trial, math.nan if resource is None else resource, values)
        except self._failure as failure:
            _raise(failure)

    def complete(
        self, trial: Trial, resource: float | None, values: float | Sequence[float], names: Sequence[str],
        metrics: Mapping[str, float] | None = None,
    ) -> int | str:
        if metrics:
            return super().complete(trial, resource, values, names, metrics)
        try:
            return self._core.complete(  # type: ignore[no-any-return]
                self._handle, trial, math.nan if resource is None else resource, values)
        except self._failure as failure:
            _raise(failure)

    def close(self) -> None:
        handle, self._handle = self._handle, 0
        if handle == 0:
            return
        try:
            self._core.close(handle)
        except self._failure as failure:
            # What a parent process has open is not this one's to close.
            error = _error(failure)
            if error.get("kind") not in ("forked", "closed"):
                raise_answer(error)


def _error(failure: Exception) -> dict[str, Any]:
    return json.loads(failure.args[0])["error"]  # type: ignore[no-any-return]


def _raise(failure: Exception) -> NoReturn:
    try:
        raise_answer(_error(failure))
    except TrimtabError as error:
        raise error from None


def _encoded(text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a text holds half of a surrogate pair and cannot be written: {error.object!r}") from None
    if b"\0" in data:
        raise ValueError("a text holds a NUL character")
    return data
