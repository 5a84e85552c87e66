declare module "jq-web" {
  /** jq built for WebAssembly, ready when the promise is. */
  const jq: Promise<{ raw(json: string, filter: string, flags: string[]): string }>;
  export default jq;
}
