// Where kubeadm keeps the certificates of a control plane. Source: kubeadm's cmd/kubeadm/app/phases/certs and kubeconfig.

export interface Known {
  /** As `kubeadm certs renew` calls it. */
  name: string;
  /** Below the directory. */
  path: string;
  /** Name of the authority that signs it. */
  authority: string;
  /** Who has to take it up once it is new. */
  users: string[];
}

export const authorities: Omit<Known, "authority" | "users">[] = [
  { name: "ca", path: "pki/ca.crt" },
  { name: "etcd-ca", path: "pki/etcd/ca.crt" },
  { name: "front-proxy-ca", path: "pki/front-proxy-ca.crt" },
];

export const certificates: Known[] = [
  { name: "apiserver", path: "pki/apiserver.crt", authority: "ca", users: ["kube-apiserver"] },
  {
    name: "apiserver-kubelet-client",
    path: "pki/apiserver-kubelet-client.crt",
    authority: "ca",
    users: ["kube-apiserver"],
  },
  {
    name: "front-proxy-client",
    path: "pki/front-proxy-client.crt",
    authority: "front-proxy-ca",
    users: ["kube-apiserver"],
  },
  {
    name: "apiserver-etcd-client",
    path: "pki/apiserver-etcd-client.crt",
    authority: "etcd-ca",
    users: ["kube-apiserver"],
  },
  { name: "etcd-server", path: "pki/etcd/server.crt", authority: "etcd-ca", users: ["etcd"] },
  { name: "etcd-peer", path: "pki/etcd/peer.crt", authority: "etcd-ca", users: ["etcd"] },
  { name: "etcd-healthcheck-client", path: "pki/etcd/healthcheck-client.crt", authority: "etcd-ca", users: ["etcd"] },
];

export const kubeconfigs: Known[] = [
  { name: "admin.conf", path: "admin.conf", authority: "ca", users: [] },
  { name: "super-admin.conf", path: "super-admin.conf", authority: "ca", users: [] },
  {
    name: "controller-manager.conf",
    path: "controller-manager.conf",
    authority: "ca",
    users: ["kube-controller-manager"],
  },
  { name: "scheduler.conf", path: "scheduler.conf", authority: "ca", users: ["kube-scheduler"] },
  { name: "kubelet.conf", path: "kubelet.conf", authority: "ca", users: ["kubelet"] },
];

/** Below the kubelet's own directory; it rotates the first itself. */
export const kubeletFiles: Known[] = [
  { name: "kubelet-client", path: "kubelet-client-current.pem", authority: "ca", users: ["kubelet"] },
  { name: "kubelet-server-current", path: "kubelet-server-current.pem", authority: "ca", users: ["kubelet"] },
  { name: "kubelet-server", path: "kubelet.crt", authority: "", users: ["kubelet"] },
];
