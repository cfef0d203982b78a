"""Trials in processes of their own. The study stays in the parent; children reach it by messages over pipes.

So it makes no difference where the study is kept, a child never has an engine, and nothing is lost when one dies.
"""

from __future__ import annotations

import json
import multiprocessing
import pickle
import threading
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from ._engine import Transport
from ._errors import TrimtabError
from ._frozen import FrozenTrial
from ._optimize import ANY, NOTHING, Allowance, run_trials
from ._trial import Trial

if TYPE_CHECKING:
    from ._study import Callback, Objective, Study

# What a child sends: a kind and its content. Each but the last is answered.
_REQUEST, _ALLOWANCE, _ENDED, _FAILED = range(4)


class Piped(Transport):
    """A study that another process holds."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def call(self, kind: int, content: Any = None) -> Any:
        """Send a message and wait for its answer."""
        with self._lock:
            self._connection.send((kind, content))
            return self._connection.recv()

    def exchange(self, message: str) -> str:
        return self.call(_REQUEST, message)  # type: ignore[no-any-return]


class PipedAllowance(Allowance):
    """The allowance that another process holds."""

    def __init__(self, transport: Piped, counts_once: bool) -> None:
        self._transport = transport
        self.counts_once = counts_once

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._transport.call(_ALLOWANCE, (name, arguments))

    def take(self) -> int:
        return int(self._call("take"))

    def give_back(self) -> None:
        self._call("give_back")

    def began(self, number: int, taken: int) -> None:
        self._call("began", number, taken)

    def ended(self) -> None:
        self._call("ended")

    def is_busy(self) -> bool:
        return bool(self._call("is_busy"))

    def is_over(self) -> bool:
        return bool(self._call("is_over"))


class RemoteTraceback(Exception):
    """Shows where an exception was raised in a child."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def _child(
    connection: Any, others: list[Connection], objective: Objective, catch: tuple[type[Exception], ...], tells: bool,
    counts_once: bool,
) -> None:
    from ._study import Study

    # Ends that a fork took along would keep the pipes open when the parent is gone, and nobody would notice.
    for other in others:
        other.close()
    transport = Piped(connection)
    try:
        study = Study(transport)

        def ended(trial: Trial, frozen: FrozenTrial) -> None:
            transport.call(_ENDED, frozen_state(frozen))

        run_trials(
            study, objective, PipedAllowance(transport, counts_once), catch, ended if tells else None)
    except KeyboardInterrupt:
        # The parent has got it as well and says so.
        pass
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The parent is gone, and the study with it.
        pass
    except BaseException as error:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        try:
            pickle.loads(pickle.dumps(error))
            connection.send((_FAILED, (error, text)))
        except Exception:
            connection.send((_FAILED, (TrimtabError(f"{type(error).__name__}: {error}"), text)))
    finally:
        connection.close()


def frozen_state(frozen: FrozenTrial) -> dict[str, Any]:
    """A frozen trial's parts, to be sent."""
    return {name: getattr(frozen, name) for name in FrozenTrial.__slots__}


def _thawed(state: dict[str, Any]) -> FrozenTrial:
    frozen = FrozenTrial.__new__(FrozenTrial)
    for name, value in state.items():
        setattr(frozen, name, value)
    return frozen


class _Child:
    """A child and the thread that answers it."""

    def __init__(
        self, study: Study, context: Any, objective: Objective, allowance: Allowance,
        catch: tuple[type[Exception], ...], callbacks: list[Callback], errors: list[BaseException],
        elders: list[_Child],
    ) -> None:
        self.study = study
        self.allowance = allowance
        self.callbacks = callbacks
        self.errors = errors
        self.running: set[int] = set()
        # What the child has of the allowance: what it took for an ask, and whether it runs a trial.
        self.taken = NOTHING
        self.is_busy = False
        self.connection: Connection
        self.connection, end = context.Pipe()
        forks = context.get_start_method() == "fork"
        inherited = [self.connection, *(elder.connection for elder in elders)] if forks else []
        self.process = context.Process(
            target=_child, args=(end, inherited, objective, catch, bool(callbacks), allowance.counts_once),
            daemon=True)
        self.process.start()
        end.close()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        try:
            while True:
                kind, content = self.connection.recv()
                if kind == _FAILED:
                    error, text = content
                    error.__cause__ = RemoteTraceback(text)
                    raise error
                self.connection.send(self.answer(kind, content))
        except (EOFError, ConnectionResetError, BrokenPipeError):
            self.process.join()
            self.bury()
        except BaseException as error:
            self.errors.append(error)
            self.allowance.is_cancelled = True

    def answer(self, kind: int, content: Any) -> Any:
        if kind == _REQUEST:
            answer = self.study._transport.exchange(content)
            self.follow(content, answer)
            return answer
        if kind == _ALLOWANCE:
            name, arguments = content
            return self.allow(name, arguments)
        frozen = _thawed(content)
        for callback in self.callbacks:
            callback(self.study, frozen)
        return None

    def allow(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """Ask the allowance for the child, and take note of what it has of it."""
        answer = getattr(self.allowance, name)(*arguments)
        if name == "take":
            self.taken = answer
        elif name in ("give_back", "began", "ended"):
            self.taken, self.is_busy = NOTHING, name == "began"
        return answer

    def follow(self, request: str, answer: str) -> None:
        """Take note of which trials the child runs."""
        told = json.loads(answer)
        if "run" in told:
            self.running.add(told["run"]["trial"])
        elif "state" in told:
            self.running.discard(json.loads(request).get("trial", -1))

    def bury(self) -> None:
        """Tell the trials of a child that died."""
        code = self.process.exitcode
        for number in sorted(self.running):
            verb: dict[str, Any] = {"verb": "release", "trial": number}
            if not self.allowance.is_cancelled:
                how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
                verb = {
                    "verb": "fail", "trial": number, "kind": "crash",
                    "message": f"the process that ran the trial ended with {how}"}
            try:
                self.study._transport.request(verb.pop("verb"), **verb)
            except TrimtabError as error:
                self.errors.append(error)
        if self.allowance.counts_once:
            self.settle()
        self.running.clear()

    def settle(self) -> None:
        """Tell the allowance what a child that died has of it."""
        if self.is_busy:
            self.allowance.ended()
        elif self.taken == ANY and self.running:
            self.allowance.began(min(self.running), ANY)
            self.allowance.ended()
        elif self.taken == ANY:
            self.allowance.give_back()


def optimize_in_processes(
    study: Study, objective: Objective, allowance: Allowance, n_jobs: int, catch: tuple[type[Exception], ...],
    callbacks: list[Callback],
) -> None:
    """Run trials in ``n_jobs`` processes. One that dies fails its trial, and another takes its place."""
    context = multiprocessing.get_context()
    if context.get_start_method() != "fork":
        try:
            pickle.dumps(objective)
        except Exception as error:
            raise TypeError(
                f"the objective cannot be handed to another process ({error}): define it at the top of a module, "
                "or use threads") from error
    errors: list[BaseException] = []

    children: list[_Child] = []

    def start() -> _Child:
        return _Child(study, context, objective, allowance, catch, callbacks, errors, children)

    for _ in range(n_jobs):
        children.append(start())
    try:
        while children:
            for index, child in enumerate(children):
                child.thread.join(0.05)
                if child.thread.is_alive():
                    continue
                # Here and not in its thread: no fork may come across an end that is half closed.
                child.connection.close()
                died = child.process.exitcode not in (0, None)
                if died and not errors and not allowance.is_over():
                    children[index] = start()
                else:
                    del children[index]
                break
    except BaseException:
        allowance.is_cancelled = True
        for child in children:
            child.process.terminate()
        for child in children:
            child.thread.join()
        raise
    if errors:
        raise errors[0]


__all__ = ["Piped", "RemoteTraceback", "optimize_in_processes"]
