"""Hyperparameter optimisation that loses no result.

>>> import trimtab as tt
>>> def objective(trial):
...     x = trial.suggest_float("x", -5, 5)
...     y = trial.suggest_float("y", -5, 5)
...     return (x - 1) ** 2 + (y + 2) ** 2
>>> study = tt.create_study(seed=1)
>>> study.optimize(objective, n_trials=100)
>>> study.best_value < 1
True
"""

# The module typing takes longer to load than all of this; type checkers know the name without it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._command import CommandTrial, current_trial
    from ._create import Fidelity, create_study, load_study
    from ._engine import version as engine_version
    from ._errors import (
        ClosedError,
        ConflictError,
        ForkedError,
        InvalidReportError,
        InvalidStudyError,
        NotFoundError,
        NotRunningError,
        StoreError,
        StuckError,
        StudyFinished,
        TrialPruned,
        TrimtabError,
        TrimtabWarning,
    )
    from ._frozen import FrozenTrial, StudyDirection, TrialState
    from ._space import (
        Bool,
        Categorical,
        Constant,
        Float,
        Int,
        Parameter,
        Permutation,
        Simplex,
        Space,
    )
    from ._study import Study
    from ._trial import Trial

_PLACES = {
    "_command": ["CommandTrial", "current_trial"],
    "_create": ["Fidelity", "create_study", "load_study"],
    "_engine": ["engine_version"],
    "_errors": [
        "ClosedError", "ConflictError", "ForkedError", "InvalidReportError", "InvalidStudyError", "NotFoundError",
        "NotRunningError", "StoreError", "StuckError", "StudyFinished", "TrialPruned", "TrimtabError",
        "TrimtabWarning"],
    "_frozen": ["FrozenTrial", "StudyDirection", "TrialState"],
    "_space": ["Bool", "Categorical", "Constant", "Float", "Int", "Parameter", "Permutation", "Simplex", "Space"],
    "_study": ["Study"],
    "_trial": ["Trial"],
}
_PLACE = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Bool", "Categorical", "ClosedError", "CommandTrial", "ConflictError", "Constant", "Fidelity", "Float",
    "ForkedError", "FrozenTrial", "Int", "InvalidReportError", "InvalidStudyError", "NotFoundError", "NotRunningError",
    "Parameter", "Permutation", "Simplex", "Space", "StoreError", "StuckError", "Study", "StudyDirection",
    "StudyFinished", "Trial", "TrialPruned", "TrialState", "TrimtabError", "TrimtabWarning", "create_study",
    "current_trial", "engine_version", "load_study",
]


def __getattr__(name: str) -> "Any":
    # Loaded when it is first used: a script that only reports from within a trial needs a small part.
    module = _PLACE.get(name)
    if module is None:
        if name == "__version__":
            from importlib.metadata import version

            return version("trimtab")
        raise AttributeError(f"module 'trimtab' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f".{module}", __name__), "version" if name == "engine_version" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
