// Trained models as the components pass them on: the document, predictions, and the signature for callers.
export {
  documentFile,
  type GbdtModel,
  type LinearModel,
  type ModelDocument,
  readModel,
} from "./document.ts";
export { likeliest, predict } from "./predict.ts";
export { answerName, inputsOf, probabilitiesName, signatureOf } from "./signature.ts";
