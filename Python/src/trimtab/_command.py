"""The trial that this process was started for, as a command of ``trimtab tune``.

Without the engine and with the standard library alone, so that a training script loses no time by it.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, SupportsFloat

from ._errors import TrimtabError

if TYPE_CHECKING:
    from pathlib import Path

#: What a pipe takes as a whole (PIPE_BUF on Linux; 512 on macOS, where longer lines may mix with another process's).
_LONGEST_LINE = 4096
#: Seconds for which the tuner may leave reports unread.
_PATIENCE = 60

_PLAIN = re.compile(r"[0-9]+")


class CommandTrial:
    """What a program can know of its trial, and say to it. ``tt.current_trial()`` makes it.

    Outside of a study nothing is known and nothing is said: ``params`` is empty, ``report`` does nothing, and
    ``should_stop`` is false, so that the same program runs by itself.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._report_path = environment.get("TRIMTAB_REPORT")
        self._stop_path = environment.get("TRIMTAB_STOP")
        self._was_signalled = False
        self._listens = False
        #: Whether a tuner runs this process as a trial.
        self.in_study = self._report_path is not None
        #: The study's name.
        self.study_name = environment.get("TRIMTAB_STUDY")
        #: The trial's number, from 0.
        self.number = _whole(environment, "TRIMTAB_TRIAL")
        #: 1 for the first run, 2 for the first retry.
        self.attempt = _whole(environment, "TRIMTAB_ATTEMPT")
        #: For the trial's own randomness; the same in each of its runs.
        self.seed = _whole(environment, "TRIMTAB_SEED")
        #: The name of what trials report over, such as ``epoch``.
        self.fidelity = environment.get("TRIMTAB_FIDELITY")
        #: The resource to reach in this run, such as the number of epochs; a whole number as an ``int``. The maximum,
        #: where the study file has ``pause: freeze``.
        self.resource = _number(environment, "TRIMTAB_RESOURCE")
        #: The resource that earlier runs reported; 0 at the beginning.
        self.reached: float = _number(environment, "TRIMTAB_RESOURCE_FROM") or 0
        self._checkpoint = environment.get("TRIMTAB_CHECKPOINT")
        self._student = environment.get("TRIMTAB_STUDENT_CHECKPOINT")
        self._teacher = environment.get("TRIMTAB_TEACHER_CHECKPOINT")
        self._params: dict[str, Any] | None = None
        self._config_path = environment.get("TRIMTAB_CONFIG")

    @property
    def params(self) -> dict[str, Any]:
        """The values of the active parameters.

        >>> import trimtab as tt
        >>> trial = tt.current_trial()
        >>> trial.params.get("learning_rate", 0.01)
        0.01
        """
        if self._params is None:
            self._params = {} if self._config_path is None else self._read(self._config_path)
        return dict(self._params)

    def _read(self, path: str) -> dict[str, Any]:
        try:
            with open(path, encoding="utf-8") as file:
                config = json.load(file)
        except (OSError, ValueError) as error:
            raise TrimtabError(
                f"the configuration of the trial cannot be read: {error} (TRIMTAB_CONFIG={path})") from None
        if not isinstance(config, dict):
            raise TrimtabError(f"the configuration of the trial is not an object (TRIMTAB_CONFIG={path})")
        return {name: _decoded(value) for name, value in config.items()}

    @property
    def checkpoint_dir(self) -> Path | None:
        """The folder that follows the trial through pauses and retries; None outside of a study."""
        return _path(self._checkpoint)

    @property
    def student_checkpoint(self) -> Path | None:
        """The checkpoint folder of the trial from whose model this one begins, with the sampler ``boss``."""
        return _path(self._student)

    @property
    def teacher_checkpoint(self) -> Path | None:
        """The checkpoint folder of the trial whose model teaches this one's, with the sampler ``boss``."""
        return _path(self._teacher)

    def steps(self, default: int) -> range:
        """The steps of this run: from the first that was not reported up to the resource to reach.

        - default: the last step where nothing says how far to go: outside of a study, or without a fidelity.

        >>> import trimtab as tt
        >>> list(tt.current_trial().steps(3))
        [1, 2, 3]
        """
        return range(int(self.reached) + 1, int(default if self.resource is None else self.resource) + 1)

    def report(self, step: float | None = None, **metrics: SupportsFloat) -> None:
        """Report metrics, at a step where the study has a fidelity; the step may stand under the fidelity's name, too.

        The metrics' names are those of the study file. NaN and infinities are values: where it is the objective, the
        trial fails. Outside of a study nothing happens.

        >>> import trimtab as tt
        >>> trial = tt.current_trial()
        >>> trial.report(1, loss=0.5, accuracy=0.8)
        >>> trial.report(epoch=2, loss=0.4)
        """
        line: dict[str, Any] = {}
        if step is not None:
            line["resource"] = _value("step", step)
        for name, value in metrics.items():
            line[name] = _value(name, value)
        if not metrics:
            raise TypeError("there is no metric in the report: report(step, loss=0.5)")
        if self.in_study and self.fidelity is None and step is not None:
            raise ValueError("the study has no fidelity: report without a step, or add a fidelity to the study file")
        self._send(line)

    def reject(self, why: str) -> None:
        """Say that the configuration is not acceptable, and is not to be tried again."""
        self._send({"reject": str(why)})

    def fail(self, why: str) -> None:
        """Say that the trial failed for a reason of its own."""
        self._send({"fail": str(why)})

    def _send(self, line: dict[str, Any]) -> None:
        if self._report_path is None:
            return
        data = (json.dumps(line) + "\n").encode()
        if len(data) > _LONGEST_LINE:
            raise ValueError(f"the report is longer than {_LONGEST_LINE} bytes: report less at once")
        try:
            # Appended as a whole: other processes of the trial may report, too. Without a reader, opening a FIFO would
            # wait for ever.
            file = os.open(self._report_path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
            try:
                self._write(file, data)
            finally:
                os.close(file)
        except OSError as error:
            why = "the tuner does not run any more" if error.errno == errno.ENXIO else str(error)
            raise TrimtabError(f"the report cannot be sent: {why} (TRIMTAB_REPORT)") from None

    @staticmethod
    def _write(file: int, data: bytes) -> None:
        while True:
            try:
                os.write(file, data)
                return
            except BlockingIOError:
                import select

                if not select.select([], [file], [], _PATIENCE)[1]:
                    raise OSError("the tuner does not read") from None

    def should_stop(self) -> bool:
        """Whether the trial should save its checkpoint and end, by its method's judgement or a person's.

        The tuner also sends SIGTERM. From the first call on (in the main thread, and unless the program has a handler
        of its own), the signal does not end the process, but shows here; SIGKILL follows after the grace period.
        """
        if self._stop_path is None:
            return False
        if not self._listens:
            self._listens = True
            self._listen()
        return self._was_signalled or os.path.exists(self._stop_path)

    def _listen(self) -> None:
        import signal
        import threading

        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            def note(number: int, frame: object) -> None:
                self._was_signalled = True

            signal.signal(signal.SIGTERM, note)

    def __repr__(self) -> str:
        if not self.in_study:
            return "CommandTrial(outside of a study)"
        return f"CommandTrial(study={self.study_name!r}, number={self.number}, params={self.params})"


def _number(environment: Mapping[str, str], name: str) -> float | int | None:
    text = environment.get(name)
    if text is None or text == "":
        return None
    try:
        value = float(text)
    except ValueError:
        raise TrimtabError(f"{name} is not a number: {text!r}") from None
    return plain(value)


def plain(resource: float) -> float | int:
    """A whole number as an ``int``, which can be an end of a ``range``."""
    return int(resource) if resource.is_integer() else resource


def _path(text: str | None) -> Path | None:
    if text is None:
        return None
    from pathlib import Path

    return Path(text)


def _whole(environment: Mapping[str, str], name: str) -> int | None:
    text = environment.get(name)
    if text is None or text == "":
        return None
    if not _PLAIN.fullmatch(text):
        raise TrimtabError(f"{name} is not a whole number: {text!r}")
    return int(text)


def _decoded(value: Any) -> Any:
    """As studies of this package write it, the text None stands for None."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return None if value == "None" and isinstance(value, str) else value


def _value(name: str, value: Any) -> float | int | str:
    """A number as a report has it: texts stand for those that JSON has not."""
    if isinstance(value, int):
        return int(value)
    if value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be a number, not {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {value!r}") from None
    if number != number:
        return "nan"
    return number if abs(number) != float("inf") else ("inf" if number > 0 else "-inf")


_current: CommandTrial | None = None


def current_trial() -> CommandTrial:
    """The trial that this process was started for by ``trimtab tune``.

    >>> import trimtab as tt
    >>> trial = tt.current_trial()
    >>> for epoch in trial.steps(10):
    ...     loss = 1 / epoch        # train
    ...     trial.report(epoch, loss=loss)
    ...     if trial.should_stop():
    ...         break
    """
    global _current
    if _current is None:
        _current = CommandTrial(os.environ)
    return _current
