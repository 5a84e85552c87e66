// How much the expressions of rules and policies may cost.
// Source: apiextensions' pkg/apis/apiextensions/validation and apiserver's pkg/apis/cel.

/** Of one rule of a definition, as estimated from its schema. */
export const ruleEstimateLimit = 10_000_000;
/** Of all rules of a schema together, as estimated. */
export const schemaEstimateLimit = 100_000_000;
/** What one evaluation may spend. */
export const callLimit = 1_000_000;
/** What all rules of one object, or of one policy binding, may spend. */
export const objectBudget = 10_000_000;
/** What the matchConditions of one webhook or policy binding may spend. */
export const conditionsBudget = 2_500_000;
/** Bytes of the longest message that a messageExpression may make. */
export const messageLimit = 5 * 1024;

/** Bytes of the largest request that estimates reckon with. */
export const requestSize = 3 * 1024 * 1024;

/** Costs of single steps. Source: cel-go's common/cost.go. */
export const listCost = 10;
export const mapCost = 30;
export const perCharacter = 0.1;
export const perPatternCharacter = 0.25;
/** A question to the authorizer: two fit into one evaluation. */
export const checkCost = 350_000;
