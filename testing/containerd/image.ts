// Small images made of Debian's busybox-static, as OCI layouts.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const busybox = "/bin/busybox";

/** Absolute path of a blob of a layout. */
export const blobPath = (layout: string, digest: string) => join(layout, "blobs", ...digest.split(":"));

export interface Settings {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  User?: string;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/** Writes a layout whose images share one layer. @param images name → settings. @returns name → manifest's digest. */
export function writeLayout(layout: string, images: Record<string, Settings>): Map<string, string> {
  mkdirSync(join(layout, "blobs", "sha256"), { recursive: true });
  const put = (bytes: Buffer, mediaType: string): Descriptor => {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(blobPath(layout, digest), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const json = (value: object, mediaType: string) => put(Buffer.from(JSON.stringify(value)), mediaType);
  const layer = put(makeLayer(join(layout, "root")), "application/vnd.oci.image.layer.v1.tar");
  const manifests = Object.entries(images).map(([name, settings]) => {
    const architecture = process.arch === "x64" ? "amd64" : process.arch;
    const config = json(
      {
        architecture,
        os: "linux",
        config: { Env: ["PATH=/bin"], ...settings },
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      },
      "application/vnd.oci.image.config.v1+json",
    );
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = json({ schemaVersion: 2, mediaType, config, layers: [layer] }, mediaType);
    return { ...manifest, annotations: { "io.containerd.image.name": name } };
  });
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return new Map(Object.keys(images).map((name, index) => [name, manifests[index]?.digest ?? ""]));
}

function makeLayer(root: string): Buffer {
  for (const name of ["bin", "etc", "home", "srv", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  chmodSync(join(root, "tmp"), 0o1777);
  cpSync(busybox, join(root, "bin/busybox"));
  for (const applet of execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n")) {
    if (applet && applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
  }
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nuser:x:1000:\n");
  execFileSync("tar", ["--owner=0", "--group=0", "--numeric-owner", "-C", root, "-cf", `${root}.tar`, "."]);
  const bytes = readFileSync(`${root}.tar`);
  rmSync(root, { recursive: true });
  rmSync(`${root}.tar`);
  return bytes;
}
