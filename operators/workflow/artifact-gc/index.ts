// Collection of artifacts that nobody needs any more.
export { createArtifactGCController } from "./controller.ts";
