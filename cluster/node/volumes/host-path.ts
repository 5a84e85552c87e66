import { lstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a hostPath of a type that makes, and checks the others. Source: k8s.io/kubernetes pkg/volume/hostpath. */
export function checkHostPath(path: string, type: string | undefined): void {
  if (!path.startsWith("/") || path.split("/").includes("..")) {
    throw new Error(`hostPath "${path}" must be absolute and must not contain ".."`);
  }
  const stat = () => statSync(path, { throwIfNoEntry: false });
  const check = (fine: boolean | undefined, what: string) => {
    if (!fine) throw new Error(`hostPath type check failed: ${path} is not ${what}`);
  };
  const kind = type ?? "";
  if (kind === "" || kind === "DirectoryOrCreate") {
    // Runtimes make a directory of what is missing.
    if (!lstatSync(path, { throwIfNoEntry: false })) mkdirSync(path, { recursive: true, mode: 0o755 });
    if (kind !== "") check(stat()?.isDirectory(), "a directory");
  } else if (kind === "FileOrCreate") {
    check(statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory(), "in a directory that is there");
    if (!stat()) writeFileSync(path, "", { mode: 0o644 });
    check(stat()?.isFile(), "a file");
  } else if (kind === "Directory") check(stat()?.isDirectory(), "a directory");
  else if (kind === "File") check(stat()?.isFile(), "a file");
  else if (kind === "Socket") check(stat()?.isSocket(), "a socket file");
  else if (kind === "CharDevice") check(stat()?.isCharacterDevice(), "a character device");
  else if (kind === "BlockDevice") check(stat()?.isBlockDevice(), "a block device");
  else throw new Error(`hostPath type "${kind}" is not known`);
}
