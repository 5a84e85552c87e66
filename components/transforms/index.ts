// Fitted preprocessing: a list of steps that is carried with a table, run as SQL and written as ONNX.
export { type Chain, columnsAfter, pruneChain, type Step, stepsAfter } from "./chain.ts";
export { applySteps, floatText, type Query, quoteName, quoteText } from "./sql.ts";
