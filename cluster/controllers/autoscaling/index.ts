// Sizes what HorizontalPodAutoscalers point at, by what its pods use or by what others measure.
export { type AutoscalerOptions, createAutoscalerController } from "./controller.ts";
