"""What the callbacks need of frameworks that are too large for every run of the tests.

Each is the interface alone, as the framework documents it. Where the framework is installed, it is used instead.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any


def _module(name: str, **members: Any) -> None:
    module = ModuleType(name)
    for key, value in members.items():
        setattr(module, key, value)
    sys.modules[name] = module


def lightning() -> bool:
    """Whether the real one is there."""
    if importlib.util.find_spec("lightning") or importlib.util.find_spec("pytorch_lightning"):
        return True

    class Callback:
        pass

    for name in ("lightning", "lightning.pytorch"):
        _module(name)
    _module("lightning.pytorch.callbacks", Callback=Callback)
    return False


def transformers() -> bool:
    if importlib.util.find_spec("transformers"):
        return True

    class TrainerCallback:
        pass

    _module("transformers", TrainerCallback=TrainerCallback)
    return False


def ray() -> bool:
    if importlib.util.find_spec("ray"):
        return True

    class Searcher:
        FINISHED = "FINISHED"

        def __init__(self, metric: Any = None, mode: Any = None) -> None:
            self._metric = metric
            self._mode = mode

    class Uniform:
        pass

    class LogUniform:
        pass

    class Quantized:
        def __init__(self, sampler: Any, q: Any) -> None:
            self.sampler = sampler
            self.q = q

    class Domain:
        def __init__(self, sampler: Any, *bounds: Any) -> None:
            self._sampler = sampler
            self.lower, self.upper = bounds if len(bounds) == 2 else (None, None)

        def get_sampler(self) -> Any:
            return self._sampler

    class Float(Domain):
        pass

    class Integer(Domain):
        pass

    class Categorical(Domain):
        def __init__(self, categories: Any) -> None:
            super().__init__(Uniform())
            self.categories = categories

    _module("ray")
    _module(
        "ray.tune", uniform=lambda low, high: Float(Uniform(), low, high),
        loguniform=lambda low, high: Float(LogUniform(), low, high),
        quniform=lambda low, high, q: Float(Quantized(Uniform(), q), low, high),
        randint=lambda low, high: Integer(Uniform(), low, high),
        lograndint=lambda low, high: Integer(LogUniform(), low, high),
        qrandint=lambda low, high, q: Integer(Quantized(Uniform(), q), low, high), choice=Categorical)
    _module("ray.tune.search", Searcher=Searcher, UNDEFINED_METRIC_MODE="{cls}: metric {metric} and mode {mode}")
    return False
