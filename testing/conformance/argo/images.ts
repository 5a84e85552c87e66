// Roots for the images that the examples name, where no registry can be reached.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const host = { rootfs: "host" };
/** Images whose programs are the host's, some with an entry point. */
const ofHost: Record<string, string[] | undefined> = {
  ...Object.fromEntries(
    [
      ...["busybox", "debian", "ubuntu", "python", "node", "golang", "docker/whalesay", "cowsay"],
      ...["stedolan/jq", "quay.io/argoproj/argoexec", "v4tech/imagemagick"],
    ].map((name) => [name, undefined]),
  ),
  influxdb: ["influxd"],
  "alpine/git": ["git"],
  "remuslazar/gnuplot": ["gnuplot"],
  "starefossen/gifsicle": ["gifsicle"],
};

/**
 * The image map: most names stand for the host's root; argosay has a small one of its own.
 * @param scratch where that root is made.
 */
export function imageMap(argosay: string, scratch: string): Record<string, object> {
  const map = Object.fromEntries(
    Object.entries(ofHost).flatMap(([name, entrypoint]) => {
      const mapping = entrypoint ? { ...host, entrypoint } : host;
      return [
        [name, mapping],
        [`${name}:*`, mapping],
      ];
    }),
  );
  const saying = makeRoot(join(scratch, "argosay"), ["bash"]);
  writeFileSync(join(saying, "argosay"), readFileSync(argosay));
  chmodSync(join(saying, "argosay"), 0o755);
  const small = makeAlpine(scratch);
  const serving = makeServer(scratch);
  // Its first version is cowsay, which Debian keeps among the games.
  const games = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/games" };
  return {
    ...map,
    alpine: { rootfs: small },
    "alpine:*": { rootfs: small },
    "curlimages/curl:*": { rootfs: small },
    "argoproj/argosay:v1": { ...host, env: games },
    "argoproj/argosay:*": { rootfs: saying, entrypoint: ["/argosay"] },
    ...(serving ? { "nginx:*": { rootfs: serving, cmd: ["nginx", "-g", "daemon off;"] } } : {}),
  };
}

/** A root of busybox and curl, whose package manager finds what is asked for there already. */
function makeAlpine(scratch: string): string {
  const root = makeRoot(join(scratch, "alpine"), ["bash", "curl"]);
  const check = 'for name; do command -v "$name" >/dev/null || { echo "apk: no $name" >&2; exit 1; }; done';
  writeFileSync(join(root, "bin/apk"), `#!/bin/sh\n[ "$1" = add ] || exit 0\nshift\n${check}\n`);
  chmodSync(join(root, "bin/apk"), 0o755);
  return root;
}

/** A root with nginx, serving one page; undefined where the host has no nginx. */
function makeServer(scratch: string): string | undefined {
  if (!find("nginx")) return undefined;
  const root = makeRoot(join(scratch, "nginx"), ["bash", "nginx"]);
  for (const name of ["etc/nginx", "var/log/nginx", "var/lib/nginx", "run", "srv", "usr/share/nginx/modules"])
    mkdirSync(join(root, name), { recursive: true });
  const server = "server { listen 80; location / { root /srv; } }";
  writeFileSync(join(root, "etc/nginx/nginx.conf"), `user root;\nevents {}\nhttp { access_log off; ${server} }\n`);
  writeFileSync(join(root, "srv/index.html"), "Welcome to nginx!\n");
  return root;
}

/** A root of busybox and some programs of the host. @throws Error where the host lacks one of them. */
function makeRoot(root: string, programs: string[]): string {
  for (const name of ["bin", "usr/bin", "tmp", "etc", "proc", "sys", "dev"])
    mkdirSync(join(root, name), { recursive: true });
  for (const program of ["busybox", ...programs]) copyWhole(root, locate(program), `/bin/${program}`);
  const { stdout } = spawnSync("busybox", ["--list"], { encoding: "utf8" });
  for (const name of stdout.split("\n").filter(Boolean)) {
    const path = join(root, "bin", name);
    if (!existsSync(path)) symlinkSync("busybox", path);
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  writeFileSync(join(root, "etc/os-release"), 'NAME="a small root"\n');
  return root;
}

const find = (program: string): string =>
  spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();

function locate(program: string): string {
  const path = find(program);
  if (!path) throw new Error(`the host has no ${program}: install Debian's package of that name`);
  return path;
}

/** A program and the libraries that it is linked to, where it looks for them. */
function copyWhole(root: string, from: string, to: string): void {
  copyFileSync(from, join(root, to));
  const { stdout } = spawnSync("ldd", [from], { encoding: "utf8" });
  for (const [, path = ""] of stdout.matchAll(/(\/\S+) \(0x/g)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}
