"""Trains one model of LightGBM; runs by itself, too."""

import lightgbm
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import trimtab as tt
from trimtab.lightgbm import TrimtabCallback

trial = tt.current_trial()
x, y = load_digits(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, random_state=0, stratify=y)
train = lightgbm.Dataset(x_train, y_train, free_raw_data=False)
valid = lightgbm.Dataset(x_valid, y_valid, reference=train, free_raw_data=False)

callback = TrimtabCallback("valid-multi_logloss", name="loss")
params = {
    "objective": "multiclass", "num_class": 10, "metric": "multi_logloss", "num_threads": 1, "verbose": -1,
    "seed": trial.seed or 1, **trial.params}
# Goes on after the rounds that an earlier run has reported.
lightgbm.train(
    params, train, len(trial.steps(45)), valid_sets=[valid], valid_names=["valid"], callbacks=[callback],
    init_model=callback.checkpoint)
callback.finish()
print("loss", callback.value)
