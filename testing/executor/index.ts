// A pod for the executor's programs, without a node: its containers are directories.
export { type PaperContainer, PaperPod } from "./paper-pod.ts";
