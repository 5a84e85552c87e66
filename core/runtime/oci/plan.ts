import type { SecurityConfig } from "../cri.ts";
import type { Identity } from "./command-line.ts";
import type { PreparedRoot } from "./rootfs.ts";

/** All that is decided of a container before its process is made, whatever makes it. */
export interface ContainerPlan {
  id: string;
  /** Of the container's own files. */
  directory: string;
  argv: string[];
  /** Later ones go before earlier ones of the same name. */
  environment: { name: string; value: string }[];
  workingDir: string;
  identity: Identity;
  security: SecurityConfig;
  tty: boolean;
  root: PreparedRoot;
}
