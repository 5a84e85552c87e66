// The languages that workflows compute in. None reaches beyond its arguments; all are bounded in size and time.
export {
  type Depends,
  dependsOf,
  evaluateDepends,
  parseDepends,
  type TaskResult,
  tasksOf,
} from "./depends.ts";
export { type Environment, evaluateCondition, evaluateExpression, UnresolvedError } from "./evaluate.ts";
export { evaluateWhen } from "./govaluate.ts";
export { isJqPath, kubectlJsonPath, queryJq, queryJsonPath } from "./json-path.ts";
export { ExpressionError } from "./lexer.ts";
export { Moment, parseDuration, plainNumber, textOf } from "./values.ts";
