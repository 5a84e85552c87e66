// JSONPath in two dialects.
export { kubectlJsonPath } from "./kubectl.ts";
export { queryJsonPath } from "./query.ts";
