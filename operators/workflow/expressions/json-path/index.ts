// JSONPath in two dialects.
export { kubectlJsonPath, parseJsonPath } from "./kubectl.ts";
export { queryJsonPath } from "./query.ts";
