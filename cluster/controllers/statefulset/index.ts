// Keeps pods that have a name, an order and storage of their own.
export { createStatefulSetController } from "./controller.ts";
