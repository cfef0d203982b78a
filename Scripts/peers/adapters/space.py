"""The search space of a study file, as axes that every optimiser can take.

An axis is a real range, a range of whole numbers, or a set of categories. What optimisers have no form for is
transformed here, the same for all: a step becomes a whole number of steps, a logit scale a linear axis of logits, an
ordinal a level.
Axes and categories have plain names (p0, p1 …; c0, c1 …), because not every package takes every text.
"""
import math
from dataclasses import dataclass

from .conditions import Condition


class Unsupported(Exception):
    """The optimiser cannot take the study; says why."""


@dataclass
class Axis:
    name: str
    kind: str  # "float", "integer", "ordinal" (levels 0 … high), "category"
    low: float = 0
    high: float = 0
    log: bool = False
    count: int = 0  # of categories

    @property
    def labels(self):
        return [f"c{i}" for i in range(self.count)]

    def at(self, unit):
        """The value at a place from 0 to 1 along an axis that is no category; whole numbers are rounded."""
        if self.log:
            x = math.exp(math.log(self.low) + unit * (math.log(self.high) - math.log(self.low)))
        else:
            x = self.low + unit * (self.high - self.low)
        x = min(max(x, self.low), self.high)
        return x if self.kind == "float" else round(x)


class Parameter:
    def __init__(self, index, name, spec, specs):
        self.name = name
        self.kind = spec["type"]
        self.condition = Condition(spec["when"], specs) if "when" in spec else None
        self.fixed = spec.get("fixed")
        self.is_fixed = "fixed" in spec
        self.choices = spec.get("choices")
        self.axis = None
        if self.kind == "constant":
            self.fixed, self.is_fixed = spec["value"], True
        if self.kind == "boolean":
            self.choices = [False, True]
        if self.kind in ("permutation", "simplex"):
            raise Unsupported(f"{name}: {self.kind} parameters cannot be taken")
        if "prior" in spec:
            raise Unsupported(f"{name}: priors cannot be taken")
        if self.is_fixed:
            return
        axis_name = f"p{index}"
        if self.kind in ("categorical", "boolean"):
            self.axis = Axis(axis_name, "category", count=len(self.choices))
        elif self.kind == "ordinal":
            self.axis = Axis(axis_name, "ordinal", 0, len(self.choices) - 1)
        else:
            self.numeric(axis_name, spec)

    def numeric(self, axis_name, spec):
        self.low, self.high = spec["low"], spec["high"]
        self.scale = spec.get("scale", "linear")
        self.step = spec.get("step", 1 if self.kind == "integer" else None)
        log = self.scale == "log"
        if self.scale == "logit":
            if self.kind == "integer" or self.step is not None:
                raise Unsupported(f"{self.name}: a step on a logit scale cannot be taken")
            self.axis = Axis(axis_name, "float", logit(self.low), logit(self.high))
        elif self.step is not None and not log and not (self.kind == "integer" and self.step == 1):
            # The last step may fall short of the upper end.
            self.axis = Axis(axis_name, "integer", 0, math.floor((self.high - self.low) / self.step + 1e-9))
        elif self.kind == "integer":
            self.axis = Axis(axis_name, "integer", int(self.low), int(self.high), log)
        else:
            self.axis = Axis(axis_name, "float", self.low, self.high, log)

    def value(self, raw):
        """The value in the study's terms of a value on the axis; categories may be given by number or label."""
        if self.axis.kind == "category":
            return self.choices[int(raw[1:]) if isinstance(raw, str) else int(raw)]
        if self.axis.kind == "ordinal":
            return self.choices[int(raw)]
        if self.kind == "float" and self.step is None:
            value = 1 / (1 + math.exp(-raw)) if self.scale == "logit" else float(raw)
            # A logarithm and back may miss the end by a rounding.
            return min(max(value, self.low), self.high)
        if self.scale == "log":
            last = math.floor((self.high - self.low) / self.step + 1e-9)
            steps = min(max(round((raw - self.low) / self.step), 0), last)
        elif self.kind == "integer" and self.step == 1:
            return int(raw)
        else:
            steps = int(raw)
        value = self.low + steps * self.step
        return int(round(value)) if self.kind == "integer" else value


def logit(p):
    return math.log(p / (1 - p))


class Space:
    def __init__(self, spec):
        self.parameters = [Parameter(i, name, entry, spec) for i, (name, entry) in enumerate(spec.items())]
        self.by_name = {p.name: p for p in self.parameters}
        self.order = self.sorted()

    @property
    def axes(self):
        return [p.axis for p in self.parameters if p.axis]

    @property
    def has_conditions(self):
        return any(p.condition for p in self.parameters)

    def sorted(self):
        """The parameters, each after those that its condition mentions."""
        order, done = [], set()

        def visit(parameter):
            if parameter.name in done:
                return
            done.add(parameter.name)
            for name in parameter.condition.names if parameter.condition else []:
                visit(self.by_name[name])
            order.append(parameter)

        for parameter in self.parameters:
            visit(parameter)
        return order

    def configuration(self, draw):
        """The configuration whose active axes have the values of `draw(axis)`, asked for in the order of conditions."""
        values = {}
        for parameter in self.order:
            if parameter.condition and not parameter.condition.holds(values):
                continue
            values[parameter.name] = parameter.fixed if parameter.is_fixed else parameter.value(draw(parameter.axis))
        return values


class Study:
    def __init__(self, spec):
        self.name = spec.get("study", "study")
        self.objectives = spec.get("objectives") or [spec["objective"]]
        self.signs = [-1.0 if o.get("goal") == "maximize" else 1.0 for o in self.objectives]
        self.seed = int(spec.get("seed", 0))
        self.trials = (spec.get("budget") or {}).get("trials")
        fidelity = spec.get("fidelity")
        self.fidelity = fidelity is not None
        self.minimum = fidelity.get("min", 1) if fidelity else None
        self.maximum = fidelity["max"] if fidelity else None
        self.integer = fidelity.get("integer", True) if fidelity else False
        self.resource = fidelity.get("name", "resource") if fidelity else None
        self.constraints = spec.get("constraints") or []
        self.space = Space(spec["space"])

    def step(self, resource):
        """A resource for optimisers that count whole ones: shares of a whole are counted in the smallest of them."""
        unit = 1 if self.integer else self.minimum
        steps = round(resource / unit)
        if abs(steps * unit - resource) > 1e-6 * resource:
            raise Unsupported(f"resources are whole numbers here, and {resource} is not {unit} times one")
        return steps
