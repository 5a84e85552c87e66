// The archive of finished workflows: whose turn it is, and that nothing is lost before.
export { type ArchiveControllerOptions, createArchiveController } from "./controller.ts";
