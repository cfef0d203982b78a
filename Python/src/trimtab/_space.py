"""Parameters and spaces, as a study file has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union

from ._errors import InvalidStudyError

Scalar = Union[None, bool, int, float, str]
"""A choice of a categorical parameter."""

#: How ``None`` is written as a choice: a store knows truth values, numbers and texts only.
NONE_TEXT = "None"


def scalar(choice: Any, name: str = "a choice") -> Scalar:
    """A choice as a plain value of Python; NumPy's scalars become plain ones."""
    if choice is None or type(choice) in (bool, int, float, str):
        value: Scalar = choice
    elif hasattr(choice, "item") and getattr(choice, "shape", None) == ():
        value = choice.item()
    elif isinstance(choice, (bool, int, float, str)):
        # A subclass, such as a member of an IntEnum, would not be told from its plain value when it is read back.
        for kind in (bool, int, float, str):
            if isinstance(choice, kind):
                return kind(choice)
        raise AssertionError
    else:
        raise TypeError(
            f"{name}: {choice!r} cannot be a choice: use None, a truth value, a number or a text, such as a name by "
            "which the objective finds the object")
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise ValueError(f"{name}: {value!r} cannot be a choice: use a finite number or a text")
    return value


def encode_choice(choice: Any, name: str) -> Any:
    """A choice as the store has it."""
    value = scalar(choice, name)
    if value is None:
        return NONE_TEXT
    if value == NONE_TEXT and isinstance(value, str):
        raise ValueError(f"{name}: the text 'None' stands for None in a store: use None, or another word")
    return value


def decode_choice(value: Any) -> Any:
    """A choice as Python has it."""
    return None if value == NONE_TEXT and isinstance(value, str) else value


class Parameter:
    """The domain of one parameter. Use a subclass."""

    __slots__ = ("condition", "default")

    kind = ""

    def __init__(self, when: str | None = None, default: Any = None) -> None:
        self.condition = when
        self.default = default

    def when(self, condition: str) -> Parameter:
        """The same parameter, active only where the condition holds.

        >>> Float(0, 1).when("optimizer == sgd").condition
        'optimizer == sgd'
        """
        import copy

        changed = copy.copy(self)
        changed.condition = condition
        return changed

    def signature(self) -> tuple[Any, ...]:
        """What two parameters have in common when they have the same domain."""
        raise NotImplementedError

    def _members(self) -> dict[str, Any]:
        raise NotImplementedError

    def _domain(self) -> dict[str, Any]:
        return {"type": self.kind, **self._members()}

    def json(self) -> dict[str, Any]:
        """The parameter as one entry of a study file's space."""
        members = self._domain()
        if self.condition is not None:
            members["when"] = self.condition
        if self.default is not None:
            members["default"] = self.encode(self.default, "default")
        return members

    def encode(self, value: Any, name: str) -> Any:
        """A value as JSON has it."""
        return value

    def decode(self, value: Any) -> Any:
        """A value that JSON has, as Python has it."""
        return value

    def from_slots(self, slots: Callable[[int], float], index: int) -> Any:
        """The value that a configuration's slots hold from an index on."""
        raise NotImplementedError

    @property
    def slot_count(self) -> int:
        """How many slots the parameter has in a configuration."""
        return 1

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameter):
            return NotImplemented
        return self.json() == other.json()

    def __hash__(self) -> int:
        return hash(self.signature())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self._members().items())
        return f"{type(self).__name__}({arguments})"


def _finite(value: Any, name: str) -> float:
    try:
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {value!r}") from None
    except OverflowError:
        raise ValueError(f"{name} is too large: {value!r}") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"{name} must be a finite number, not {number!r}")
    return number


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    try:
        return int(value.__index__())
    except (AttributeError, TypeError):
        pass
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise TypeError(f"{name} must be a whole number, not {value!r}")


class Float(Parameter):
    """A real number between two bounds, both included.

    >>> Space({"rate": Float(1e-4, 1, log=True), "share": Float(0, 1, step=0.25)}).names
    ['rate', 'share']
    """

    __slots__ = ("high", "log", "low", "step")

    kind = "float"

    def __init__(
        self, low: float, high: float, *, log: bool = False, step: float | None = None, when: str | None = None,
        default: float | None = None,
    ) -> None:
        super().__init__(when, default)
        self.low = _finite(low, "low")
        self.high = _finite(high, "high")
        self.log = bool(log)
        self.step = None if step is None else _finite(step, "step")

    def signature(self) -> tuple[Any, ...]:
        return ("float", self.low, self.high, self.step, self.log)

    def _members(self) -> dict[str, Any]:
        members: dict[str, Any] = {"low": self.low, "high": self.high}
        if self.log:
            members["scale"] = "log"
        if self.step is not None:
            members["step"] = self.step
        return members

    def decode(self, value: Any) -> float:
        return float(value)

    def encode(self, value: Any, name: str) -> float:
        return _finite(value, name)

    def from_slots(self, slots: Callable[[int], float], index: int) -> float:
        return slots(index)


class Int(Parameter):
    """A whole number between two bounds, both included."""

    __slots__ = ("high", "log", "low", "step")

    kind = "integer"

    def __init__(
        self, low: int, high: int, *, log: bool = False, step: int = 1, when: str | None = None,
        default: int | None = None,
    ) -> None:
        super().__init__(when, default)
        self.low = _whole(low, "low")
        self.high = _whole(high, "high")
        self.log = bool(log)
        self.step = _whole(step, "step")

    def signature(self) -> tuple[Any, ...]:
        return ("integer", self.low, self.high, self.step, self.log)

    def _members(self) -> dict[str, Any]:
        members: dict[str, Any] = {"low": self.low, "high": self.high}
        if self.log:
            members["scale"] = "log"
        if self.step != 1:
            members["step"] = self.step
        return members

    def decode(self, value: Any) -> int:
        return int(value)

    def encode(self, value: Any, name: str) -> int:
        return _whole(value, name)

    def from_slots(self, slots: Callable[[int], float], index: int) -> int:
        return int(slots(index))


class Categorical(Parameter):
    """One of several choices without an order; with ``ordered=True``, in a meaningful order."""

    __slots__ = ("choices", "kind")

    def __init__(
        self, choices: Iterable[Any], *, ordered: bool = False, when: str | None = None, default: Any = None
    ) -> None:
        super().__init__(when, default)
        if isinstance(choices, (str, bytes)):
            raise TypeError(f"choices must be a list, not the text {choices!r}")
        self.choices = tuple(scalar(choice) for choice in choices)
        self.kind = "ordinal" if ordered else "categorical"

    def signature(self) -> tuple[Any, ...]:
        # 1 and True are equal, and different choices.
        return (self.kind, tuple((type(choice).__name__, choice) for choice in self.choices))

    def _members(self) -> dict[str, Any]:
        return {"choices": [encode_choice(choice, "choices") for choice in self.choices]}

    def encode(self, value: Any, name: str) -> Any:
        return encode_choice(value, name)

    def decode(self, value: Any) -> Any:
        return decode_choice(value)

    def from_slots(self, slots: Callable[[int], float], index: int) -> Any:
        return self.choices[int(slots(index))]


class Bool(Parameter):
    """True or false."""

    __slots__ = ()

    kind = "boolean"

    def signature(self) -> tuple[Any, ...]:
        return ("boolean",)

    def _members(self) -> dict[str, Any]:
        return {}

    def from_slots(self, slots: Callable[[int], float], index: int) -> bool:
        return slots(index) != 0


class Constant(Parameter):
    """Always the same value."""

    __slots__ = ("value",)

    kind = "constant"

    def __init__(self, value: Any, *, when: str | None = None) -> None:
        super().__init__(when)
        self.value = scalar(value)

    def signature(self) -> tuple[Any, ...]:
        return ("constant", self.value)

    def _members(self) -> dict[str, Any]:
        return {"value": encode_choice(self.value, "value")}

    def decode(self, value: Any) -> Any:
        return decode_choice(value)

    def from_slots(self, slots: Callable[[int], float], index: int) -> Any:
        return self.value


class Permutation(Parameter):
    """An order of all the items."""

    __slots__ = ("items",)

    kind = "permutation"

    def __init__(self, items: Iterable[Any], *, when: str | None = None, default: Any = None) -> None:
        super().__init__(when, default)
        self.items = tuple(scalar(item) for item in items)

    def signature(self) -> tuple[Any, ...]:
        return ("permutation", self.items)

    def _members(self) -> dict[str, Any]:
        return {"items": [encode_choice(item, "items") for item in self.items]}

    def decode(self, value: Any) -> list[Any]:
        return [decode_choice(item) for item in value]

    def from_slots(self, slots: Callable[[int], float], index: int) -> list[Any]:
        return [self.items[int(slots(index + i))] for i in range(len(self.items))]

    @property
    def slot_count(self) -> int:
        return len(self.items)


class Simplex(Parameter):
    """Weights of the named parts, at least 0, that sum to 1."""

    __slots__ = ("parts",)

    kind = "simplex"

    def __init__(self, parts: Iterable[str], *, when: str | None = None, default: Any = None) -> None:
        super().__init__(when, default)
        self.parts = tuple(str(part) for part in parts)

    def signature(self) -> tuple[Any, ...]:
        return ("simplex", self.parts)

    def _members(self) -> dict[str, Any]:
        return {"parts": list(self.parts)}

    def decode(self, value: Any) -> list[float]:
        return [float(weight) for weight in value]

    def from_slots(self, slots: Callable[[int], float], index: int) -> list[float]:
        return [slots(index + i) for i in range(len(self.parts))]

    @property
    def slot_count(self) -> int:
        return len(self.parts)


class Opaque(Parameter):
    """A parameter that a study file has and Python has no class for, such as one with a prior."""

    __slots__ = ("_entry",)

    def __init__(self, entry: dict[str, Any]) -> None:
        super().__init__(entry.get("when"))
        self._entry = entry

    def signature(self) -> tuple[Any, ...]:
        return ("opaque", json.dumps(self._domain(), sort_keys=True))

    def _members(self) -> dict[str, Any]:
        return {key: value for key, value in self._entry.items() if key != "type"}

    def _domain(self) -> dict[str, Any]:
        return {key: value for key, value in self._entry.items() if key != "when"}

    def json(self) -> dict[str, Any]:
        return self._entry

    def decode(self, value: Any) -> Any:
        return int(value) if self._entry["type"] == "integer" else value

    def from_slots(self, slots: Callable[[int], float], index: int) -> Any:
        return int(slots(index)) if self._entry["type"] == "integer" else slots(index)


def parameter_from_json(entry: Mapping[str, Any]) -> Parameter:
    """A parameter from an entry of a study file's space."""
    kind = entry["type"]
    when = entry.get("when")
    default = entry.get("default")
    if kind in ("float", "integer"):
        if "prior" in entry or "fixed" in entry or entry.get("scale", "linear") not in ("linear", "log"):
            return Opaque(dict(entry))
        log = entry.get("scale") == "log"
        if kind == "float":
            return Float(entry["low"], entry["high"], log=log, step=entry.get("step"), when=when, default=default)
        return Int(entry["low"], entry["high"], log=log, step=entry.get("step", 1), when=when, default=default)
    if kind in ("categorical", "ordinal"):
        return Categorical(
            map(decode_choice, entry["choices"]), ordered=kind == "ordinal", when=when, default=decode_choice(default))
    if kind == "boolean":
        return Bool(when, default)
    if kind == "constant":
        return Constant(decode_choice(entry["value"]), when=when)
    if kind == "permutation":
        return Permutation(map(decode_choice, entry["items"]), when=when, default=default)
    if kind == "simplex":
        return Simplex(entry["parts"], when=when, default=default)
    raise InvalidStudyError(f"'{kind}' is not a type of parameter")


class Space:
    """A search space that is declared before the study begins.

    Conditions and constraints are expressions as in a study file.

    >>> space = Space(
    ...     {"optimizer": Categorical(["sgd", "adam"]), "momentum": Float(0, 0.99, when="optimizer == sgd"),
    ...      "layers": Int(1, 8), "width": Int(16, 512, log=True)},
    ...     constraints=["layers * width <= 1024"])
    >>> len(space)
    4
    """

    def __init__(self, parameters: Mapping[str, Parameter] | None = None, constraints: Iterable[str] = ()) -> None:
        self.parameters: dict[str, Parameter] = dict(parameters or {})
        for name, parameter in self.parameters.items():
            if not isinstance(name, str):
                raise TypeError(f"the name of a parameter must be a text, not {name!r}")
            if not isinstance(parameter, Parameter):
                raise TypeError(
                    f"'{name}' must be a parameter such as tt.Float(0, 1), not {type(parameter).__name__}")
        self.constraints: list[str] = [constraints] if isinstance(constraints, str) else list(constraints)

    @property
    def names(self) -> list[str]:
        """The parameters' names in their order."""
        return list(self.parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    def __contains__(self, name: object) -> bool:
        return name in self.parameters

    def __len__(self) -> int:
        return len(self.parameters)

    def json(self) -> dict[str, Any]:
        """The ``space`` mapping of a study file."""
        return {name: parameter.json() for name, parameter in self.parameters.items()}

    @classmethod
    def from_json(cls, space: Mapping[str, Any], constraints: Iterable[str] = ()) -> Space:
        """The space of a study file's ``space`` and ``constraints``.

        >>> Space.from_json({"x": {"type": "float", "low": 0, "high": 1}})["x"]
        Float(low=0.0, high=1.0)
        """
        return cls({name: parameter_from_json(entry) for name, entry in space.items()}, constraints)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        return self.json() == other.json() and self.constraints == other.constraints

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Space({self.parameters!r})"
