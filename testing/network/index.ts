// Pods that talk: real network namespaces on a bridge of their own, and the API objects that go with them.

export { type Outside, type OutsideOptions, startOutside } from "./outside.ts";
export { type Asking, TestNetwork, type TestPod, type TestPodOptions } from "./test-network.ts";
