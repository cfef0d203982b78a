"""Scores one scikit-learn classifier on the breast cancer data by five-fold cross-validation.

The classifier's values come as flags (--model=svc --svc_c=1.5 ...) or, without any, from the JSON file that
TRIMTAB_CONFIG names. Each result is one JSON line in TRIMTAB_REPORT and one on standard output.
Exit status: 0 scored or rejected, 2 wrong input.
"""

import json
import os
import sys

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def one_of(*choices):
    def read(text):
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return read


# The parameters of each model and how to read them; gamma belongs to one kernel alone.
PARAMETERS = {
    "svc": {"svc_c": float, "svc_kernel": one_of("linear", "rbf"), "svc_gamma": float},
    "forest": {"forest_trees": int, "forest_depth": int, "forest_features": float},
    "boosting": {"boosting_trees": int, "boosting_rate": float, "boosting_depth": int, "boosting_subsample": float},
}


def read_flags(arguments):
    """--name=value, each at most once; - and _ are alike in names."""
    values = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not name.startswith("--") or not equals:
            raise ValueError(f"'{argument}': write --name=value")
        name = name[2:].replace("-", "_")
        if name in values:
            raise ValueError(f"--{name} is given twice")
        values[name] = value
    return values


def read_values():
    """The flags, or else the file that TRIMTAB_CONFIG names."""
    values = read_flags(sys.argv[1:])
    path = os.environ.get("TRIMTAB_CONFIG")
    if not values and path:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    return {name: str(value) for name, value in values.items()}


def check(values):
    """The model's name and its parameters as numbers. Raises ValueError naming what is missing or wrong."""
    values = dict(values)
    model = values.pop("model", None)
    if model not in PARAMETERS:
        raise ValueError(f"model={model}: must be one of {', '.join(PARAMETERS)}")
    readers = dict(PARAMETERS[model])
    if model == "svc" and values.get("svc_kernel") != "rbf":
        del readers["svc_gamma"]
    missing, unknown = sorted(readers.keys() - values.keys()), sorted(values.keys() - readers.keys())
    if missing:
        raise ValueError(f"model={model} needs {', '.join(missing)}")
    if unknown:
        raise ValueError(f"model={model} has no {', '.join(unknown)} here")
    parameters = {}
    for name, read in readers.items():
        try:
            parameters[name.partition("_")[2]] = read(values[name])
        except ValueError as error:
            raise ValueError(f"{name}={values[name]}: {error}") from None
    return model, parameters


def build(model, parameters, seed):
    if model == "svc":
        return make_pipeline(
            StandardScaler(),
            SVC(C=parameters["c"], kernel=parameters["kernel"], gamma=parameters.get("gamma", "scale")),
        )
    if model == "forest":
        return RandomForestClassifier(
            n_estimators=parameters["trees"],
            max_depth=parameters["depth"],
            max_features=parameters["features"],
            random_state=seed,
        )
    return GradientBoostingClassifier(
        n_estimators=parameters["trees"],
        learning_rate=parameters["rate"],
        max_depth=parameters["depth"],
        subsample=parameters["subsample"],
        random_state=seed,
    )


def report(result):
    line = json.dumps(result)
    print(line, flush=True)
    path = os.environ.get("TRIMTAB_REPORT")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


def main():
    try:
        model, parameters = check(read_values())
        seed = int(os.environ.get("TRIMTAB_SEED", "1"))
    except (OSError, ValueError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    features, labels = load_breast_cancer(return_X_y=True)
    # The same folds for each trial, so that they differ by their values and not by the luck of the folds.
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)
    try:
        scores = cross_validate(
            build(model, parameters, seed), features, labels, cv=folds, scoring=("accuracy", "roc_auc"),
            error_score="raise",
        )
    except ValueError as error:
        # scikit-learn checks the values itself: such a configuration is not acceptable, whoever proposed it.
        report({"reject": str(error)})
        return 0
    report(
        {
            "error": 1 - float(scores["test_accuracy"].mean()),
            "auc": float(scores["test_roc_auc"].mean()),
            "fit_seconds": float(scores["fit_time"].mean()),
        }
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
