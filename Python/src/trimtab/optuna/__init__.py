"""Trimtab's engine under an Optuna study that exists already.

    import optuna
    from trimtab.optuna import TrimtabPruner, TrimtabSampler

    study = optuna.create_study(sampler=TrimtabSampler(), pruner=TrimtabPruner())

Everything else stays as it is: storages, ``n_jobs``, several processes, the dashboard. Needs Optuna 4 or later.
"""

from ._pruner import TrimtabPruner
from ._sampler import TrimtabSampler

__all__ = ["TrimtabPruner", "TrimtabSampler"]
