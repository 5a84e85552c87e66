/** An expression that cannot be read or evaluated; the message says what and where. */
export class ExpressionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ExpressionError";
  }
}

/** Something named is not there (yet). */
export class UnresolvedError extends ExpressionError {}
