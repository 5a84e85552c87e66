// The thread in which jq runs. Its source is text, so that it needs no file of its own wherever this is bundled.

export const limits = {
  milliseconds: 5000,
  /** Characters of the document, and of what is made of it. */
  input: 16 * 1024 * 1024,
  output: 1024 * 1024,
  /** Memory of jq, in pages of 64 KiB. */
  pages: 4096,
};

export interface Answer {
  output?: string;
  error?: string;
}

export const workerSource = `
const { parentPort, workerData } = require("node:worker_threads");
const { module: path, filter, input, limits } = workerData;
const grow = WebAssembly.Memory.prototype.grow;
let full = false;
WebAssembly.Memory.prototype.grow = function (pages) {
  if (this.buffer.byteLength / 65536 + pages > limits.pages) {
    full = true;
    throw new RangeError("memory limit");
  }
  return grow.call(this, pages);
};
console.warn = () => {};
const words = (error) => String(error?.stderr || error?.message || error).replace(/^Non-zero exit code: \\d+\\n?/, "").trim().slice(0, 1000);
require(path)
  .then((jq) => parentPort.postMessage({ output: jq.raw(input, filter, ["-c", "-S"]) }))
  .catch((error) => parentPort.postMessage({ error: full ? "more memory than " + limits.pages / 16 + " MiB" : words(error) }));
`;
