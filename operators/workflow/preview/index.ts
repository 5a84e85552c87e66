// Workflows drawn before they run.
export { type Preview, type PreviewSection, type PreviewTask, previewWorkflow } from "./graph.ts";
export { previewDot, previewMermaid } from "./graphviz.ts";
export { previewSvg } from "./svg.ts";
export { previewText } from "./text.ts";
