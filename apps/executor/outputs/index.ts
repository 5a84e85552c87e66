// What a step leaves behind: its result, parameters, artifacts and logs.
export { saveArtifacts, saveLogs } from "./artifacts.ts";
export { parameterLimit, readParameters } from "./parameters.ts";
export { readResult, resultLimit } from "./result.ts";
