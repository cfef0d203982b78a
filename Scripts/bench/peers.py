"""What `trimtab-speed` measures, done by Optuna and Rustuna: one JSON line each.

usage: peers.py noop-create optuna|rustuna STORE
       peers.py noop optuna|rustuna STORE TRIALS     (one process of several; TRIALS of its own)
       peers.py ask-tell optuna|rustuna random|tpe TRIALS ASKS
       peers.py mixed-ask TRIALS ASKS | mixed-run TRIALS     (Optuna's GPSampler, one thread)
"""
import json
import math
import random
import statistics
import sys
import time


def suggest(trial, parameters):
    """The benchmark's objective: reals, alternately linear and logarithmic."""
    total = 0.0
    for i in range(parameters):
        if i % 2 == 0:
            distance = trial.suggest_float(f"x{i}", -5, 5) / 5 - 0.3
        else:
            distance = math.log(trial.suggest_float(f"x{i}", 1e-5, 1, log=True)) / 12 + 0.5
        total += distance * distance
    return total


def import_peer(name):
    if name == "optuna":
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return optuna
    import rustuna

    return rustuna


def storage(name, peer, path):
    if name == "optuna":
        return f"sqlite:///{path}"
    return peer.storages.SQLite3Storage(path, create_database=True)


def tell(name, study, trial, value):
    if name == "optuna":
        study.tell(trial, value)
    else:
        study.tell(trial.number, value)


def noop(name, path, trials):
    peer = import_peer(name)
    sampler = peer.samplers.RandomSampler()
    study = peer.load_study(study_name="bench", storage=storage(name, peer, path), sampler=sampler)
    begun = time.perf_counter()
    for _ in range(trials):
        trial = study.ask()
        tell(name, study, trial, suggest(trial, 10))
    return {"peer": name, "trials": trials, "seconds": time.perf_counter() - begun}


def ask_tell(name, sampler, trials, asks):
    peer = import_peer(name)
    kind = {"random": peer.samplers.RandomSampler, "tpe": peer.samplers.TPESampler}[sampler]
    study = peer.create_study(sampler=kind(seed=7))
    chance = random.Random(99)
    distributions = {
        f"x{i}": peer.distributions.FloatDistribution(-5, 5) if i % 2 == 0
        else peer.distributions.FloatDistribution(1e-5, 1, log=True)
        for i in range(20)
    }
    finished = {} if name == "optuna" else None

    class Fixed:
        """Gives suggest() the values of a configuration that is drawn here."""

        def __init__(self, values):
            self.values = values

        def suggest_float(self, key, *_, **__):
            return self.values[key]

    for _ in range(trials):
        values = {
            f"x{i}": chance.uniform(-5, 5) if i % 2 == 0 else math.exp(chance.uniform(math.log(1e-5), 0))
            for i in range(20)
        }
        value = suggest(Fixed(values), 20)
        if finished is not None:
            study.add_trial(peer.create_trial(params=values, distributions=distributions, value=value))
        else:
            from rustuna.trial import TrialState

            study.add_trial(
                peer.create_trial(state=TrialState.COMPLETE, params=values, distributions=distributions, value=value))
    times = []
    for _ in range(asks):
        begun = time.perf_counter()
        trial = study.ask()
        tell(name, study, trial, suggest(trial, 20))
        times.append(time.perf_counter() - begun)
    return {
        "peer": name, "sampler": sampler, "trials": trials, "median_us": statistics.median(times) * 1e6,
        "mean_us": statistics.mean(times) * 1e6,
    }


def mixed_study():
    """Optuna's Gaussian process on one thread, in the benchmark's space of 20 mixed parameters."""
    import warnings

    import torch

    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    optuna = import_peer("optuna")
    make = optuna.distributions
    kinds = [
        make.FloatDistribution(-5, 5), make.FloatDistribution(1e-5, 1, log=True), make.IntDistribution(1, 100),
        make.CategoricalDistribution(["a", "b", "c", "d"]), make.FloatDistribution(0, 1),
    ]
    space = {f"x{i}": kinds[i % 5] for i in range(20)}
    return optuna, optuna.create_study(sampler=optuna.samplers.GPSampler(seed=7)), space


def mixed_values(chance):
    """A random configuration of the benchmark's 20 mixed parameters."""
    draw = [
        lambda: chance.uniform(-5, 5), lambda: math.exp(chance.uniform(math.log(1e-5), 0)),
        lambda: chance.randint(1, 100), lambda: chance.choice("abcd"), chance.random,
    ]
    return {f"x{i}": draw[i % 5]() for i in range(20)}


def mixed_objective(values):
    total = 0.0
    for i in range(20):
        value = values[f"x{i}"]
        distances = (
            lambda x: x / 5 - 0.3, lambda x: math.log(x) / 12 + 0.5, lambda x: (x - 30) / 100,
            lambda x: {"a": 0.5, "b": 0, "c": 0.7, "d": 0.4}[x], lambda x: x - 0.6)
        distance = distances[i % 5](value)
        total += distance * distance
    return total


def mixed_trial(study, space):
    begun = time.process_time()
    trial = study.ask(space)
    seconds = time.process_time() - begun
    loss = mixed_objective(trial.params)
    study.tell(trial, loss)
    return seconds, loss


def mixed_ask(trials, asks):
    optuna, study, space = mixed_study()
    chance = random.Random(99)
    for _ in range(trials):
        values = mixed_values(chance)
        study.add_trial(optuna.create_trial(params=values, distributions=space, value=mixed_objective(values)))
    times = [mixed_trial(study, space)[0] for _ in range(asks)]
    return {"trials": trials, "first_cpu_s": times[0], "median_cpu_s": statistics.median(times)}


def mixed_run(trials):
    _, study, space = mixed_study()
    results = [mixed_trial(study, space) for _ in range(trials)]
    return {"trials": trials, "cpu_s": sum(s for s, _ in results), "best": min(loss for _, loss in results)}


def main(arguments):
    if arguments[0] == "noop-create":
        peer = import_peer(arguments[1])
        peer.create_study(study_name="bench", storage=storage(arguments[1], peer, arguments[2]))
        return {}
    if arguments[0] == "noop":
        return noop(arguments[1], arguments[2], int(arguments[3]))
    if arguments[0] == "mixed-ask":
        return mixed_ask(int(arguments[1]), int(arguments[2]))
    if arguments[0] == "mixed-run":
        return mixed_run(int(arguments[1]))
    return ask_tell(arguments[1], arguments[2], int(arguments[3]), int(arguments[4]))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(json.dumps(main(sys.argv[1:])))
