// NetworkPolicies: which traffic pods may have.
export type { Connection } from "./decide.ts";
export { createPolicyEngine, type PolicyEngine, type PolicyEngineOptions } from "./engine.ts";
