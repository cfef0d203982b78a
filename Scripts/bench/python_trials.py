"""Trials per second of an objective that does nothing but ask for 20 real parameters, in memory, as one JSON line.

usage: python_trials.py trimtab|optuna|rustuna|inside random|tpe TRIALS    (inside: our sampler in Optuna)
"""
import json
import sys
import time

NAMES = [f"x{i}" for i in range(20)]


def objective(trial):
    for name in NAMES:
        trial.suggest_float(name, 0.0, 1.0)
    return 0.5


def study(contender, sampler):
    if contender == "trimtab":
        import trimtab

        return trimtab.create_study(sampler=sampler, seed=7)
    if contender == "inside":
        import optuna
        from trimtab.optuna import TrimtabSampler

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return optuna.create_study(sampler=TrimtabSampler(sampler, seed=7))
    if contender == "optuna":
        import optuna as peer

        peer.logging.set_verbosity(peer.logging.ERROR)
    else:
        import rustuna as peer
    kind = {"random": peer.samplers.RandomSampler, "tpe": peer.samplers.TPESampler}[sampler]
    return peer.create_study(sampler=kind(seed=7))


def main(contender, sampler, trials):
    made = study(contender, sampler)
    made.optimize(objective, n_trials=10)
    wall, processor = time.perf_counter(), time.process_time()
    made.optimize(objective, n_trials=trials)
    print(json.dumps({
        "contender": contender, "sampler": sampler, "trials": trials, "seconds": time.perf_counter() - wall,
        "processor_seconds": time.process_time() - processor}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
