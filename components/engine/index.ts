// The training engine: gradient boosting and logistic regression on typed arrays, the same on one thread or several.
export { type GbdtOptions, gbdtDefaults, type Round, type Trained, trainGbdt } from "./gbdt.ts";
export { fitLogistic, type LogisticFit, type LogisticOptions } from "./logistic.ts";
export type { Target } from "./loss.ts";
export { createRandom, normal, shuffle } from "./random.ts";
export { type Ensemble, featureImportance, scoreRows, type Tree } from "./tree.ts";
export type { Objective } from "./workspace.ts";
