import type { FailureReason } from "@capstan/api/kinds/serving";

/** Why a predictor cannot be made from its spec. Tried again when something that it names changes. */
export class PredictorProblem extends Error {
  readonly reason: FailureReason;
  constructor(reason: FailureReason, message: string) {
    super(message);
    this.name = "PredictorProblem";
    this.reason = reason;
  }
}
