// Empties a namespace that is being deleted, and lets it go.
export { createNamespaceController } from "./controller.ts";
