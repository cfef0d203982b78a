"""Trains one model of XGBoost; runs by itself, too."""

import xgboost
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import trimtab as tt
from trimtab.xgboost import TrimtabCallback

trial = tt.current_trial()
x, y = load_digits(return_X_y=True)
x_train, x_valid, y_train, y_valid = train_test_split(x, y, random_state=0, stratify=y)
train, valid = xgboost.DMatrix(x_train, y_train), xgboost.DMatrix(x_valid, y_valid)

callback = TrimtabCallback("valid-mlogloss", name="loss")
params = {
    "objective": "multi:softprob", "num_class": 10, "eval_metric": ["merror", "mlogloss"], "nthread": 1,
    "seed": trial.seed or 1, **trial.params}
# Goes on after the rounds that an earlier run has reported.
xgboost.train(
    params, train, len(trial.steps(45)), evals=[(valid, "valid")], verbose_eval=False, callbacks=[callback],
    xgb_model=callback.checkpoint)
print("loss", callback.value)
