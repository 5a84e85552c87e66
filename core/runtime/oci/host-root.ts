// The image capstan/host: the node's programs, copy on write, without its secrets.
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustRun } from "./command.ts";

// Directories of hier(7) that hold programs and what they need. All else at the top (homes, data, mounts) stays out.
const shared = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "var", "opt", "srv", "nix", "gnu"];
// Of their own in each container. /root and /home are there and empty.
const own: [string, number][] = [
  ["root", 0o700],
  ["tmp", 0o1777],
  ...["home", "run", "mnt", "media", "proc", "sys", "dev", "boot"].map((name): [string, number] => [name, 0o755]),
];

// What no container sees: passwords, keys of the machine, credentials of clouds and clusters, other users' data.
const secrets = [
  ...[
    "etc/shadow",
    "etc/shadow-",
    "etc/gshadow",
    "etc/gshadow-",
    "etc/sudoers",
    "etc/sudoers.d",
    "etc/security/opasswd",
  ],
  ...["etc/ssh", "etc/ssl/private", "etc/pki/private", "etc/krb5.keytab", "etc/ipsec.secrets", "etc/wireguard"],
  ...["etc/NetworkManager/system-connections", "etc/wpa_supplicant", "etc/openvpn", "etc/letsencrypt"],
  ...["etc/kubernetes", "etc/rancher", "etc/cni", "etc/docker", "etc/containers/auth.json", "etc/boto.cfg"],
  ...["etc/google-cloud", "etc/azure", "etc/cloud", "etc/capstan", "etc/credstore", "etc/credstore.encrypted"],
  ...["var/backups", "var/mail", "var/spool/cron", "var/spool/mail", "var/cache/debconf"],
  ...["var/lib/kubelet", "var/lib/docker", "var/lib/containerd", "var/lib/containers", "var/lib/rancher"],
  ...["var/lib/etcd", "var/lib/cloud", "var/lib/private", "var/lib/waagent", "var/lib/google", "var/lib/amazon"],
  ...["var/lib/sss", "var/lib/samba", "var/lib/NetworkManager", "var/lib/systemd/credential.secret"],
  ...["var/lib/postgresql", "var/lib/mysql", "var/lib/redis", "var/lib/jenkins", "var/lib/vault"],
];

// There, and empty at first.
const fresh: [string, number][] = [
  ["var/log", 0o755],
  ["var/tmp", 0o1777],
  ["opt/capstan", 0o755],
];

const freshModes = new Map(fresh);

export interface HostRoot {
  /** Layer below every container's root: its directories, the links of the node's top level, places for `layers`. */
  skeleton: string;
  /** Top-level links, such as bin → usr/bin. */
  links: { name: string; to: string }[];
  /** Directories that overlays are laid over, the mask first; `at` is absolute. */
  layers: { at: string; lowers: string[] }[];
  /** Made empty in every container, parents first. */
  empty: { path: string; mode: number }[];
}

/**
 * Reads the node's top-level directories and makes two layers in `directory` that go above them: `fresh`, empty
 * directories, and `hide`, whiteouts. A third one, `skeleton`, is what lies around them.
 * @param hidden absolute paths of the node that no container may see, such as the data directory. An overlay's upper
 *   layer must not lie inside a lower one, so a directory on the way to these is opened up: its children are laid one
 *   by one.
 */
export async function readHostRoot(directory: string, hidden: string[]): Promise<HostRoot> {
  const skeleton = join(directory, "skeleton");
  const root: HostRoot = {
    skeleton,
    links: [],
    layers: [],
    empty: own.map(([name, mode]) => ({ path: `/${name}`, mode })),
  };
  const onTheWay = (path: string) => hidden.some((one) => one === path || one.startsWith(`${path}/`));
  const add = (path: string) => {
    for (const entry of readdirSync(path === "" ? "/" : path, { withFileTypes: true })) {
      const child = `${path}/${entry.name}`;
      if (path === "" && !shared.includes(entry.name)) continue;
      if (secrets.includes(child.slice(1)) || hidden.includes(child)) continue;
      if (entry.isSymbolicLink()) root.links.push({ name: child, to: readlinkSync(child) });
      else if (!entry.isDirectory()) continue;
      else if (freshModes.has(child.slice(1)))
        root.empty.push({ path: child, mode: freshModes.get(child.slice(1)) ?? 0o755 });
      else if (onTheWay(child)) {
        root.empty.push({ path: child, mode: 0o755 });
        add(child);
      } else
        root.layers.push({
          at: child,
          lowers: [join(directory, "fresh", child), join(directory, "hide", child), child],
        });
    }
  };
  add("");
  for (const { lowers } of root.layers) for (const mask of lowers.slice(0, -1)) mkdirSync(mask, { recursive: true });
  for (const [path, mode] of fresh) {
    mkdirSync(join(directory, "fresh", path), { recursive: true });
    chmodSync(join(directory, "fresh", path), mode);
  }
  const present = [...secrets, ...fresh.map(([path]) => path)].filter((path) => existsSync(`/${path}`));
  // Layers that running containers were made of are never taken apart: only what is missing is added.
  const whiteouts = present
    .map((path) => join(directory, "hide", path))
    .filter((path) => !lstatSync(path, { throwIfNoEntry: false }));
  for (const path of whiteouts) mkdirSync(dirname(path), { recursive: true });
  await mustRun("/bin/sh", ["-c", 'for path do mknod "$path" c 0 0 || exit 1; done', "mask", ...whiteouts]);
  makeSkeleton(root);
  return root;
}

/** What is there already stays: containers may be running on it. */
function makeSkeleton({ skeleton, empty, layers, links }: HostRoot): void {
  for (const { path, mode } of empty) {
    mkdirSync(join(skeleton, path), { recursive: true });
    chmodSync(join(skeleton, path), mode);
  }
  for (const { at } of layers) mkdirSync(join(skeleton, at), { recursive: true });
  for (const { name, to } of links) {
    const path = join(skeleton, name);
    if (!lstatSync(path, { throwIfNoEntry: false })) symlinkSync(to, path);
  }
}
