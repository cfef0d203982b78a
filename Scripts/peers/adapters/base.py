"""What all adapters share: the messages, the trials, and which losses an optimiser is told."""
import json
import math
import os
import sys
import traceback
from dataclasses import dataclass, field

from .space import Study, Unsupported


@dataclass
class Trial:
    number: int
    config: dict
    native: object  # what the optimiser knows it by
    target: float = None
    state: str = "running"
    reached: float = 0
    losses: list = None  # the newest finite ones
    curve: dict = field(default_factory=dict)  # the losses at each resource
    told: set = field(default_factory=set)  # resources whose reports were passed on


@dataclass
class Suggestion:
    config: dict
    native: object
    target: float = None  # None: the full resource
    key: object = None  # equal for equal configurations, where an optimiser has one trained further


class Peer:
    """An optimiser. Losses are lists, one for each objective, to be minimised."""

    package = ""
    takes_conditions = False
    takes_objectives = False
    needs_fidelity = False

    def start(self, study):
        raise NotImplementedError

    def suggest(self):
        """A `Suggestion`; None while results are awaited. May raise `StopIteration` with a reason."""
        raise NotImplementedError

    def report(self, trial, resource, losses):
        """A report below the trial's target: "proceed" or "stop"."""
        return "proceed"

    def finish(self, trial, resource, losses, seconds):
        """The trial has reached its target."""
        raise NotImplementedError

    def fail(self, trial):
        """The trial has failed, and has no value."""
        raise NotImplementedError

    def stop(self, trial):
        """The trial was stopped, as `report` wanted."""

    # What subclasses may rely on.
    study: Study = None


class Refused(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Server:
    def __init__(self):
        # Whatever packages print goes to standard error, so that answers stay alone on standard output.
        self.answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self.trials = []
        self.released = []
        self.keys = {}
        self.study = None

    def serve(self, name, version, peer):
        self.name, self.version, self.peer = name, version, peer
        for line in sys.stdin:
            if not line.strip():
                continue
            identity = {}
            try:
                request = json.loads(line)
                if "id" in request:
                    identity = {"id": request["id"]}
                answer = self.answer(request)
            except Refused as error:
                answer = {"error": {"kind": error.kind, "message": str(error)}}
            except Unsupported as error:
                answer = {"error": {"kind": "badStudy", "message": f"{name}: {error}"}}
            except ImportError:
                raise  # a package that is needed only for this
            except Exception as error:
                traceback.print_exc()
                answer = {"error": {"kind": "failure", "message": f"{name}: {type(error).__name__}: {error}"}}
            print(json.dumps({**identity, **answer}), file=self.answers, flush=True)

    def answer(self, request):
        verb = request.get("verb")
        if verb == "open":
            return self.open(request["study"])
        if self.study is None:
            raise Refused("conflict", "no study is open")
        if verb == "ask":
            return self.ask()
        if verb == "status":
            return {"status": {"study": self.study.name, "trials": len(self.trials)}}
        if verb not in ("report", "complete", "fail", "pause", "stop", "release"):
            raise Refused("badRequest", f"there is no verb {verb!r}")
        trial = self.running(request.get("trial"))
        if verb == "report":
            return {"verdict": self.report(trial, request)}
        return {"state": getattr(self, verb)(trial, request)}

    def open(self, spec):
        study = Study(spec)
        peer = self.peer
        if study.constraints:
            raise Unsupported("constraints cannot be taken")
        if study.space.has_conditions and not peer.takes_conditions:
            raise Unsupported("conditions cannot be taken")
        if len(study.objectives) > 1 and not peer.takes_objectives:
            raise Unsupported("several objectives cannot be taken")
        if peer.needs_fidelity and not study.fidelity:
            raise Unsupported("a fidelity is needed")
        peer.study = study
        peer.start(study)
        self.study = study
        return {"ready": {"optimiser": self.name, "version": self.version}}

    def running(self, number):
        if not isinstance(number, int) or not 0 <= number < len(self.trials):
            raise Refused("notFound", f"there is no trial {number!r}")
        trial = self.trials[number]
        if trial.state != "running":
            raise Refused("notRunning", f"trial {number} is {trial.state}")
        return trial

    def ask(self):
        if self.released:
            trial = self.released.pop(0)
        else:
            busy = any(t.state == "running" for t in self.trials)
            limit = f"the budget of {self.study.trials} trials is spent"
            is_full = self.study.trials is not None and len(self.trials) >= self.study.trials
            if is_full and not self.peer.needs_fidelity:
                return {"wait": True} if busy else {"finished": limit}
            try:
                suggestion = self.suggest()
            except StopIteration as reason:
                return {"wait": True} if busy else {"finished": str(reason)}
            if suggestion is None:
                return {"wait": True} if busy else {"finished": "the optimiser has nothing more to try"}
            known = self.keys.get(suggestion.key)
            if known is not None:
                trial = self.trials[known]
                trial.native = suggestion.native
            elif is_full:
                return {"wait": True} if busy else {"finished": limit}
            else:
                trial = Trial(len(self.trials), suggestion.config, suggestion.native)
                self.trials.append(trial)
                if suggestion.key is not None:
                    self.keys[suggestion.key] = trial.number
            trial.target = suggestion.target or self.study.maximum
        trial.state = "running"
        run = {"trial": trial.number, "attempt": 1, "config": trial.config}
        if self.study.fidelity:
            run.update({"target": trial.target, "from": trial.reached})
        return {"run": run}

    def suggest(self):
        """The next suggestion whose result is not known; of a curve, any part may be asked for again."""
        while True:
            suggestion = self.peer.suggest()
            known = self.keys.get(suggestion.key) if suggestion else None
            if known is None or suggestion.target not in self.trials[known].curve:
                return suggestion
            trial = self.trials[known]
            trial.native = suggestion.native
            self.peer.finish(trial, suggestion.target, trial.curve[suggestion.target], 0)

    def losses(self, request):
        """The losses of a message; None when an objective is missing or not finite."""
        metrics = request.get("metrics") or {}
        losses = []
        for objective, sign in zip(self.study.objectives, self.study.signs):
            value = metrics.get(objective["metric"])
            value = float(value) if value is not None else math.nan
            losses.append(sign * value)
        return losses if all(math.isfinite(loss) for loss in losses) else None

    def note(self, trial, request):
        losses, resource = self.losses(request), request.get("resource")
        if resource is not None and losses is not None:
            trial.curve[resource] = losses
            if resource >= trial.reached:
                trial.reached, trial.losses = resource, losses
        elif resource is None and losses is not None:
            trial.losses = losses
        return losses, resource

    def report(self, trial, request):
        losses, resource = self.note(trial, request)
        if not self.study.fidelity or resource is None:
            return "proceed"
        if resource >= trial.target:
            return "pause" if trial.target < self.study.maximum else "proceed"
        if losses is None or resource in trial.told:
            return "proceed"
        trial.told.add(resource)
        return self.peer.report(trial, resource, losses)

    def complete(self, trial, request):
        metrics = request.get("metrics") or {}
        losses, _ = self.note(trial, request)
        if trial.losses is None or (losses is None and self.study.objectives[0]["metric"] in metrics):
            self.peer.fail(trial)
            trial.state = "failed"
        else:
            self.peer.finish(trial, trial.target, trial.losses, request.get("seconds", 0))
            trial.state = "completed"
        return trial.state

    def fail(self, trial, request):
        self.peer.fail(trial)
        trial.state = "failed"
        return trial.state

    def pause(self, trial, request):
        if trial.losses is None:
            # It came to its target, and what it reported there is no number.
            return self.fail(trial, request)
        self.peer.finish(trial, trial.target, trial.losses, request.get("seconds", 0))
        trial.state = "paused"
        return trial.state

    def stop(self, trial, request):
        self.peer.stop(trial)
        trial.state = "stopped"
        return trial.state

    def release(self, trial, request):
        trial.state = "waiting"
        self.released.append(trial)
        return trial.state


def plain(value, axis):
    """A value on an axis without numpy's types."""
    if axis.kind == "category":
        return str(value)
    return float(value) if axis.kind == "float" else int(value)
