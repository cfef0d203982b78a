def draw(trial):
    """Gives the values of axes as an Optuna-like sampler suggests them, one by one: conditions are define-by-run."""

    def value(axis):
        if axis.kind == "category":
            return trial.suggest_categorical(axis.name, axis.labels)
        if axis.kind == "float":
            return trial.suggest_float(axis.name, axis.low, axis.high, log=axis.log)
        # There is no ordinal distribution; the levels are whole numbers.
        return trial.suggest_int(axis.name, int(axis.low), int(axis.high), log=axis.log)

    return value
