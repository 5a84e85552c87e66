# Prints the seconds that HistGradientBoostingClassifier takes on a table like the one of testing/bench/components.ts.
import sys
import time

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

rows = int(sys.argv[1])
rng = np.random.default_rng(1)
x = rng.normal(size=(rows, 7)).astype(np.float32)
z = 1.2 * x[:, 0] + np.sin(2 * x[:, 1]) + x[:, 2] * x[:, 3] + (x[:, 4] > 0.5) - 0.3
y = (rng.random(rows) < 1 / (1 + np.exp(-z))).astype(int)
start = time.perf_counter()
HistGradientBoostingClassifier(early_stopping=False).fit(x, y)
print(time.perf_counter() - start)
