"""The Python package beside Optuna and Rustuna; each figure is the median over rounds, all contenders in turn in one.

usage: python_speed.py [--rounds N]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.abspath(os.path.join(HERE, "..", "..", "Python", "src"))
TRIALS = {
    "random": {"trimtab": 20000, "rustuna": 20000, "optuna": 300},
    "tpe": {"trimtab": 1000, "rustuna": 1000, "optuna": 100},
}


def python(*arguments):
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, env=environment).stdout


def seconds_each(contender, sampler, trials):
    """Processor seconds for a trial: the clock on the wall tells how busy the machine is as well."""
    told = json.loads(python(os.path.join(HERE, "python_trials.py"), contender, sampler, str(trials)))
    return told["processor_seconds"] / trials


def import_milliseconds(also):
    code = f"import time; begun = time.process_time(); import trimtab{also}; print(time.process_time() - begun)"
    return 1000 * min(float(python("-c", code)) for _ in range(7))


def tables(rounds):
    """The lines of the report."""
    yield "## From Python: an objective that does nothing, 20 reals, in memory"
    yield ""
    yield "Trials per second of processor time. TPE over the first 1,000 trials; Optuna's over its first 100, where it"
    yield "is fastest."
    yield ""
    yield "| sampler | trimtab | Optuna | × Optuna | Rustuna | × Rustuna |"
    yield "|---|---|---|---|---|---|"
    for sampler, counts in TRIALS.items():
        each = {name: [] for name in counts}
        for _ in range(rounds):
            for name, trials in counts.items():
                each[name].append(seconds_each(name, sampler, trials))
        ratio = {
            name: statistics.median(theirs / ours for theirs, ours in zip(each[name], each["trimtab"]))
            for name in ("optuna", "rustuna")
        }
        rate = {name: 1 / statistics.median(values) for name, values in each.items()}
        yield (
            f"| {sampler} | {rate['trimtab']:,.0f} | {rate['optuna']:,.0f} | {ratio['optuna']:,.0f} | "
            f"{rate['rustuna']:,.0f} | {ratio['rustuna']:,.1f} |")
    yield ""
    yield (
        f"`import trimtab` takes {import_milliseconds(''):.0f} ms, and "
        f"{import_milliseconds('; trimtab.create_study'):.0f} ms with the engine, which is loaded at its first use.")
    yield ""
    yield from inside_optuna(rounds)


def inside_optuna(rounds):
    """What our sampler costs in a study of Optuna, beside Optuna's own."""
    yield "## Inside Optuna: an objective that does nothing, 20 reals, in memory"
    yield ""
    yield "Processor time for a trial of Optuna with each sampler, over 300 trials after the first 10."
    yield ""
    yield "| sampler | ms a trial | × RandomSampler |"
    yield "|---|---|---|"
    contenders = {
        "RandomSampler": ("optuna", "random"), "TrimtabSampler (TPE)": ("inside", "tpe"),
        "TPESampler": ("optuna", "tpe"),
    }
    each = {title: [] for title in contenders}
    for _ in range(rounds):
        for title, (contender, sampler) in contenders.items():
            each[title].append(1000 * seconds_each(contender, sampler, 300))
    for title, values in each.items():
        ratio = statistics.median(own / base for own, base in zip(values, each["RandomSampler"]))
        yield f"| {title} | {statistics.median(values):.2f} | {ratio:.2f} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    for line in tables(parser.parse_args().rounds):
        print(line, flush=True)
