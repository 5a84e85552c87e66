// What people do to workflows: the same for the command line and the console. Imports no node module.

export { createNodeCodec, type NodeCodec, packNodes, unpackNodes } from "../nodes/index.ts";
export {
  type ApplyChange,
  changeWorkflow,
  resumeWorkflow,
  setNode,
  shutDownWorkflow,
  suspendWorkflow,
} from "./change.ts";
export { overrideParameters, readParameter } from "./parameters.ts";
export { formulateResubmit, type ResubmitOptions, resubmitWorkflow } from "./resubmit.ts";
export { resume, type SetValues, setNodes } from "./resume.ts";
export { formulateRetry, type RetryOptions, retryWorkflow } from "./retry.ts";
export { matchesNode, parseNodeSelector } from "./selector.ts";
export { isSuspended, waitsForResume } from "./state.ts";
