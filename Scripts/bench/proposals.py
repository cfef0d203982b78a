"""What `trimtab-speed mixed-ask` measures, done by SMAC3 and Ax: one JSON line.

Processor seconds of proposals after a number of finished trials, on one thread, in the space of 20 mixed parameters of
`peers.py`. Every proposal is evaluated, so that each has a model of its own.

usage: proposals.py smac|ax TRIALS MEASURED
"""

import json
import logging
import random
import statistics
import sys
import tempfile
import time
import warnings

from peers import mixed_objective, mixed_values


def timed(action):
    begun = time.process_time()
    result = action()
    return result, time.process_time() - begun


def smac(history, measured):
    import ConfigSpace
    import smac as package
    from smac.runhistory.dataclasses import TrialInfo, TrialValue

    kinds = [
        lambda name: ConfigSpace.Float(name, (-5, 5)), lambda name: ConfigSpace.Float(name, (1e-5, 1), log=True),
        lambda name: ConfigSpace.Integer(name, (1, 100)), lambda name: ConfigSpace.Categorical(name, list("abcd")),
        lambda name: ConfigSpace.Float(name, (0, 1)),
    ]  # fmt: skip
    space = ConfigSpace.ConfigurationSpace(seed=7)
    space.add([kinds[i % 5](f"x{i}") for i in range(20)])
    with tempfile.TemporaryDirectory() as folder:
        scenario = package.Scenario(
            space, deterministic=True, seed=7, n_trials=len(history) + measured, output_directory=folder)
        facade = package.HyperparameterOptimizationFacade
        # No initial design: the trials that are told are that.
        tuner = facade(
            scenario, lambda config, seed=0: 0.0, initial_design=facade.get_initial_design(scenario, n_configs=0),
            logging_level=False, overwrite=True)  # fmt: skip

        def tell(config):
            tuner.tell(TrialInfo(config=config, seed=0), TrialValue(cost=mixed_objective(dict(config))), save=False)

        for values in history:
            tell(ConfigSpace.Configuration(space, values=values))
        times = []
        for _ in range(measured):
            info, seconds = timed(tuner.ask)
            times.append(seconds)
            tuner.tell(info, TrialValue(cost=mixed_objective(dict(info.config))), save=False)
    return times


def ax(history, measured):
    import torch
    from ax.api.client import Client
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    torch.set_num_threads(1)

    def real(low, high, scaling="linear", kind="float"):
        return lambda name: RangeParameterConfig(name=name, parameter_type=kind, bounds=(low, high), scaling=scaling)

    kinds = [
        real(-5, 5), real(1e-5, 1, "log"), real(1, 100, kind="int"),
        lambda name: ChoiceParameterConfig(name=name, parameter_type="str", values=list("abcd"), is_ordered=False),
        real(0, 1),
    ]  # fmt: skip
    client = Client(random_seed=7)
    client.configure_experiment(parameters=[kinds[i % 5](f"x{i}") for i in range(20)])
    client.configure_optimization(objective="-loss")
    for values in history:
        client.complete_trial(client.attach_trial(parameters=values), raw_data={"loss": mixed_objective(values)})
    times = []
    for _ in range(measured):
        trials, seconds = timed(lambda: client.get_next_trials(max_trials=1))
        times.append(seconds)
        index, values = next(iter(trials.items()))
        client.complete_trial(index, raw_data={"loss": mixed_objective(values)})
    return times


def main(arguments):
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    name, trials, measured = arguments[0], int(arguments[1]), int(arguments[2])
    chance = random.Random(99)
    history = [mixed_values(chance) for _ in range(trials)]
    times = {"smac": smac, "ax": ax}[name](history, measured)
    return {"peer": name, "trials": trials, "first_cpu_s": times[0], "median_cpu_s": statistics.median(times)}


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    print(json.dumps(main(sys.argv[1:])))
