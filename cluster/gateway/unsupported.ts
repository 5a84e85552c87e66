/** A field of a route that this gateway does not honour, by its path: the route is not accepted. */
export class UnsupportedValue extends Error {
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`);
    this.name = "UnsupportedValue";
  }
}
