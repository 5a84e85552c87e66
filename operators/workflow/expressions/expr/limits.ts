/** Parts that one evaluation may compute. */
export const stepLimit = 5_000_000;
/** Elements and characters that one evaluation may make, as upstream. */
export const memoryLimit = 1_000_000;
