// A whole cluster for a test, in one line.
export { accountExtensions } from "./accounts.ts";
export { type KubectlRun, kubectlMissing, runKubectl } from "./kubectl.ts";
export { NodeCluster, nodeMissing, startTestNode, type TestNode, type TestNodeOptions } from "./node.ts";
export { type Part, TestCluster, type TestClusterOptions } from "./test-cluster.ts";
