// The executor's containers in real pods: what they know of the pod, by files that its containers share.
export { openPodContainer, type PodContainerOptions } from "./container.ts";
