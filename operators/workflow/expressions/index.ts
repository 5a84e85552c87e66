// The languages that workflows compute in. None reaches beyond its arguments; all are bounded in size and time.
export {
  type Depends,
  dependsOf,
  evaluateDepends,
  parseDepends,
  type TaskResult,
  tasksOf,
} from "./depends.ts";
export { ExpressionError, UnresolvedError } from "./error.ts";
export {
  checkExpressionText,
  type Environment,
  evaluateCondition,
  evaluateExpression,
  evaluateRaw,
  missingNames,
} from "./expr/index.ts";
export { evaluateCronWhen, evaluateWhen } from "./govaluate/index.ts";
export { queryJq } from "./jq/index.ts";
export { kubectlJsonPath, parseJsonPath, queryJsonPath } from "./json-path/index.ts";
export { type Condition, holdsFor, parseConditions } from "./selector.ts";
export { dayNames, Moment, monthNames, parseDuration } from "./time/index.ts";
export { plainNumber, textOf, toJson, typeName } from "./values.ts";
