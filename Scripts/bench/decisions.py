"""What `trimtab-speed decide` measures, done by Syne Tune and DEHB: one JSON line.

Processor seconds of proposals and of what a report leads to, after a number of trials, on four numbers with resources
of 1 to 81.

usage: decisions.py syne-tune ASHA|ASHACQR|… TRIALS MEASURED
       decisions.py dehb EVALUATIONS MEASURED
"""

import datetime
import json
import logging
import random
import statistics
import sys
import tempfile
import time

LEVELS = (1, 3, 9, 27, 81)


def objective(values, level):
    return sum((value - 0.4) ** 2 for value in values) + 1 / level


def timed(action, *arguments):
    begun = time.process_time()
    result = action(*arguments)
    return result, time.process_time() - begun


def result(proposals, verdicts, **facts):
    verdicts.sort()
    return {
        **facts, "first_proposal_s": max(proposals), "proposal_s": statistics.median(proposals),
        "verdict_s": statistics.median(verdicts), "verdict_p99_s": verdicts[len(verdicts) * 99 // 100],
    }  # fmt: skip


def syne_tune(name, trials, measured):
    from syne_tune import config_space
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer import baselines
    from syne_tune.optimizer.scheduler import SchedulerDecision

    domains = {f"x{i}": config_space.uniform(0, 1) for i in range(4)}
    options = {"metric": "loss", "time_attr": "epoch", "max_t": 81, "grace_period": 1, "random_seed": 7}
    # The trials before are those of random search: only what comes after them is the scheduler's own.
    tuner = getattr(baselines, name)(domains, **options)
    chance = random.Random(99)
    reports = 0
    verdicts = []

    def run(number, config):
        nonlocal reports
        trial = Trial(trial_id=number, config=config, creation_time=datetime.datetime.now())
        tuner.on_trial_add(trial)
        for level in LEVELS:
            report = {"loss": objective(config.values(), level), "epoch": level}
            decision, seconds = timed(tuner.on_trial_result, trial, report)
            verdicts.append(seconds)
            reports += 1
            if decision == SchedulerDecision.STOP and level < LEVELS[-1]:
                tuner.on_trial_remove(trial)
                return
        tuner.on_trial_complete(trial, report)

    for number in range(trials):
        run(number, {f"x{i}": chance.random() for i in range(4)})
    verdicts.clear()
    proposals = []
    for number in range(trials, trials + measured):
        suggestion, seconds = timed(tuner.suggest)
        proposals.append(seconds)
        run(number, suggestion.config)
    return result(proposals, verdicts, peer=f"syne-tune {name}", trials=trials, reports=reports)


def dehb(evaluations, measured):
    from dehb import DEHB

    with tempfile.TemporaryDirectory() as folder:
        tuner = DEHB(
            f=None, dimensions=4, min_fidelity=1, max_fidelity=81, n_workers=1, seed=7, output_path=folder,
            save_freq="end", log_level="ERROR")  # fmt: skip
        proposals, verdicts = [], []
        for number in range(evaluations + measured):
            job, seconds = timed(tuner.ask)
            outcome = {"fitness": objective(job["config"], job["fidelity"]), "cost": 1}
            _, after = timed(tuner.tell, job, outcome)
            if number >= evaluations:
                proposals.append(seconds)
                verdicts.append(after)
    return result(proposals, verdicts, peer="dehb", trials=evaluations)


def main(arguments):
    logging.disable(logging.WARNING)
    if arguments[0] == "dehb":
        return dehb(int(arguments[1]), int(arguments[2]))
    return syne_tune(arguments[1], int(arguments[2]), int(arguments[3]))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    print(json.dumps(main(sys.argv[1:])))
