/** Help of the flags by which a command finds its cluster. */
export const clusterHelp = `  --kubeconfig FILE   the cluster (default: $KUBECONFIG, else the running platform's own)
  --context NAME      of the kubeconfig (default: its current one)
  --data-dir DIR      of the running platform (default: $CAPSTAN_HOME, else ~/.capstan)`;
