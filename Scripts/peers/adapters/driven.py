"""Optimisers that have no ask and tell, but call the objective themselves."""
import queue
import threading

from .base import Peer, Suggestion
from .space import Unsupported

# Trials where a study has no budget.
OPEN_BUDGET = 1000


class DrivenPeer(Peer):
    """Runs the optimiser in a thread of its own, in which the objective waits for the result of its point.

    The optimiser sees a box from 0 to 1; whole numbers are rounded, the rest is linear on the axis of `space`.
    """

    def optimise(self, objective, dimension, budget):
        """Calls `objective` (a point of the unit cube, its loss) one after the other, at most `budget` times."""
        raise NotImplementedError

    def start(self, study):
        self.axes = study.space.axes
        if any(axis.kind == "category" for axis in self.axes):
            raise Unsupported("choices cannot be taken")
        self.points, self.losses = queue.Queue(), queue.Queue()
        self.is_waited_for = False
        self.worst = None
        self.thread = threading.Thread(target=self.run, args=(study.trials or OPEN_BUDGET,), daemon=True)
        self.thread.start()

    def run(self, budget):
        try:
            self.optimise(self.evaluate, len(self.axes), budget)
            self.points.put(StopIteration("the optimiser has ended"))
        except BaseException as error:
            self.points.put(error)

    def evaluate(self, point):
        self.points.put([float(unit) for unit in point])
        return self.losses.get()

    def suggest(self):
        if self.is_waited_for:
            return None
        point = self.points.get()
        if isinstance(point, BaseException):
            self.points.put(point)
            raise point
        self.is_waited_for = True
        unit = {axis.name: min(max(u, 0.0), 1.0) for axis, u in zip(self.axes, point)}
        return Suggestion(self.study.space.configuration(lambda axis: axis.at(unit[axis.name])), None)

    def finish(self, trial, resource, losses, seconds):
        self.worst = losses[0] if self.worst is None else max(self.worst, losses[0])
        self.tell(losses[0])

    def fail(self, trial):
        # It has to be told something: the worst so far.
        self.tell(0.0 if self.worst is None else self.worst)

    def tell(self, loss):
        self.is_waited_for = False
        self.losses.put(loss)
