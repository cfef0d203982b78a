"""What can go wrong. Every error says where and what to do about it."""

from __future__ import annotations

from typing import Any, NoReturn


class TrimtabError(Exception):
    """The base of all errors of this package."""


class InvalidStudyError(TrimtabError, ValueError):
    """A study, a space or a request that cannot be as it is given."""


class InvalidReportError(TrimtabError, ValueError):
    """A report with an impossible resource, or with one metric twice."""


class ConflictError(TrimtabError, ValueError):
    """What is asked does not fit the study as it is, such as another range for a parameter."""


class NotFoundError(TrimtabError, LookupError):
    """There is no such study or trial."""


class NotRunningError(TrimtabError, RuntimeError):
    """The trial is not run here: it has ended, or is run by another process."""


class StoreError(TrimtabError, OSError):
    """The store cannot be read or written."""


class ClosedError(TrimtabError, RuntimeError):
    """The study was closed."""


class ForkedError(TrimtabError, RuntimeError):
    """The study was opened in another process, before a fork."""


class StudyFinished(TrimtabError):
    """There is nothing more to do in the study; the text says why."""


class StuckError(TrimtabError, RuntimeError):
    """Nothing can be asked for before a trial that runs has ended, and whoever could end it is the one who waits."""


class TrimtabWarning(UserWarning):
    """Something that works, but probably not as it was meant."""


class TrialPruned(Exception):
    """Raised by an objective to end its trial early, after ``trial.should_prune()`` said so.

    >>> import trimtab as tt
    >>> def objective(trial):
    ...     for epoch in range(1, 10):
    ...         trial.report(1 / epoch, epoch)
    ...         if trial.should_prune():
    ...             raise tt.TrialPruned
    ...     return 0.1
    """


_KINDS: dict[str, type[TrimtabError]] = {
    "badRequest": InvalidStudyError,
    "badStudy": InvalidStudyError,
    "notRunning": NotRunningError,
    "invalidReport": InvalidReportError,
    "notFound": NotFoundError,
    "conflict": ConflictError,
    "store": StoreError,
    "closed": ClosedError,
    "forked": ForkedError,
}


def raise_answer(error: Any) -> NoReturn:
    """Raise the exception for the ``error`` member of an answer."""
    raise _KINDS.get(error.get("kind", ""), TrimtabError)(error.get("message", "unknown error"))
