# Records what scikit-learn makes of the same inputs, for the components' parity tests.
#   python3 -m venv /tmp/sk && /tmp/sk/bin/pip install -r testing/peers/sklearn/requirements.txt
#   /tmp/sk/bin/python testing/peers/sklearn/record.py components/fixtures/sklearn.json examples/penguins.csv
import csv
import json
import sys

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
TEXTS = ["island", "sex"]


def load(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = np.array([[float("nan") if r[c] == "NA" else float(r[c]) for c in NUMBERS] for r in rows])
    texts = np.array([[None if r[c] == "NA" else r[c] for c in TEXTS] for r in rows], dtype=object)
    return numbers, texts, np.array([r["species"] for r in rows])


def impute(numbers, texts):
    fill = lambda strategy, table, **more: SimpleImputer(strategy=strategy, **more).fit(table).statistics_.tolist()
    return {
        "mean": fill("mean", numbers),
        "median": fill("median", numbers),
        "mode": fill("most_frequent", numbers),
        "text": fill("most_frequent", texts, missing_values=None),
    }


def scale(numbers):
    standard, minmax, robust = (s.fit(numbers) for s in (StandardScaler(), MinMaxScaler(), RobustScaler()))
    first = lambda scaler: scaler.transform(numbers[:12]).tolist()
    return {
        "standard": {"offset": standard.mean_.tolist(), "divisor": standard.scale_.tolist(), "first": first(standard)},
        "min-max": {"offset": minmax.data_min_.tolist(), "divisor": minmax.data_range_.tolist(), "first": first(minmax)},
        "robust": {"offset": robust.center_.tolist(), "divisor": robust.scale_.tolist(), "first": first(robust)},
    }


def make(seed, rows, outputs):
    """Uniform numbers from an integer generator that TypeScript has too, so that both sides see the same bits."""
    state = np.uint32(seed)
    out = np.empty(rows * outputs)
    for i in range(rows * outputs):
        state = np.uint32((int(state) * 1664525 + 1013904223) & 0xFFFFFFFF)
        out[i] = int(state) / 2**32
    return out.reshape(rows, outputs)


def boosting():
    rows = 4000
    u = make(7, rows, 6)
    x = np.where(u[:, :4] < 0.05, np.nan, u[:, :4] * 4 - 2).astype(np.float32).astype(float)
    filled = np.nan_to_num(x, nan=1.0)
    z = 1.5 * filled[:, 0] + np.sin(3 * filled[:, 1]) + filled[:, 2] * filled[:, 3]
    two = (u[:, 4] < 1 / (1 + np.exp(-z))).astype(int)
    three = np.clip(np.floor(z + 1.5 + (u[:, 4] - 0.5)), 0, 2).astype(int)
    value = z + 0.2 * (u[:, 4] - 0.5)
    cut = 3000
    out = {}
    for name, y in (("binary", two), ("softmax", three)):
        model = HistGradientBoostingClassifier(early_stopping=False).fit(x[:cut], y[:cut])
        p = model.predict_proba(x[cut:])
        auc = metrics.roc_auc_score(y[cut:], p[:, 1]) if name == "binary" else metrics.roc_auc_score(y[cut:], p, multi_class="ovr")
        out[name] = {"accuracy": model.score(x[cut:], y[cut:]), "auc": auc, "logLoss": metrics.log_loss(y[cut:], p)}
    model = HistGradientBoostingRegressor(early_stopping=False).fit(x[:cut], value[:cut])
    out["squared"] = {"rmse": metrics.root_mean_squared_error(value[cut:], model.predict(x[cut:]))}
    return out


def logistic(numbers, species):
    whole = ~np.isnan(numbers).any(axis=1)
    x = StandardScaler().fit_transform(numbers[whole])
    out = {}
    for name, y in (("binary", (species[whole] == "Gentoo").astype(int)), ("softmax", species[whole])):
        model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10000).fit(x, y)
        out[name] = {"coefficients": model.coef_.tolist(), "intercepts": model.intercept_.tolist()}
    return out


def judge():
    u = make(11, 300, 4)
    shares = u[:, :3] / u[:, :3].sum(axis=1, keepdims=True)
    shares = np.round(shares, 2)
    shares[:, 2] = np.abs(1 - shares[:, 0] - shares[:, 1])
    actual = np.where(u[:, 3] < 0.6, shares.argmax(axis=1), np.floor(u[:, 3] * 3)).astype(int)
    predicted = shares.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(actual, predicted)
    pair = shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)
    two = (actual > 0).astype(int)
    return {
        "probabilities": shares.tolist(),
        "actual": actual.tolist(),
        "accuracy": metrics.accuracy_score(actual, predicted),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "macroF1": f1.mean(),
        "confusion": metrics.confusion_matrix(actual, predicted).tolist(),
        "auc": [metrics.roc_auc_score(actual == k, shares[:, k]) for k in range(3)],
        "logLoss": metrics.log_loss(actual, shares),
        "binary": {"probabilities": pair.tolist(), "actual": two.tolist(), "auc": metrics.roc_auc_score(two, pair[:, 1])},
    }


def main(out, table):
    numbers, texts, species = load(table)
    present = texts[[all(t is not None for t in row) for row in texts]]
    encoder = OneHotEncoder(sparse_output=False).fit(present)
    record = {
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "impute": impute(numbers, texts),
        "scale": scale(numbers),
        "oneHot": {"categories": [c.tolist() for c in encoder.categories_], "first": encoder.transform(present[:12]).astype(int).tolist()},
        "boosting": boosting(),
        "logistic": logistic(numbers, species),
        "judge": judge(),
    }
    with open(out, "w") as file:
        json.dump(json.loads(json.dumps(record).replace("NaN", "null")), file)
        file.write("\n")


main(*sys.argv[1:])
