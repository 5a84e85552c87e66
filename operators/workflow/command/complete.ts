// Writes the image's own command where a template says none: whoever is run by argoexec must be told what to run.
// Source: argo-workflows docs/workflow-executors.md, "Emissary".
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import { isWrapped, unwrapCommand } from "@capstan/api/kinds/workflow-pod";
import { StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";

export interface ImageCommand {
  entrypoint: string[];
  cmd: string[];
}
/** An image's own command; the pod says with whose credentials it is pulled. */
export type FindCommand = (image: string, pod: Pod) => Promise<ImageCommand>;

const isBare = ({ command }: Container) => isWrapped(command) && !unwrapCommand(command ?? [])?.length;

/** The pod with all commands. @throws Error naming the container, the image, and what to do. */
export async function completePod(pod: Pod, find: FindCommand): Promise<Pod> {
  if (!pod.spec.containers.some(isBare)) return pod;
  const containers = await Promise.all(
    pod.spec.containers.map((container) => (isBare(container) ? complete(container, pod, find) : container)),
  );
  return { ...pod, spec: { ...pod.spec, containers } };
}

async function complete(container: Container, pod: Pod, find: FindCommand): Promise<Container> {
  const { name, image = "", command = [], args } = container;
  const help = "say command in the template, or images in the ConfigMap workflow-controller-configmap";
  let own: ImageCommand;
  try {
    own = await find(image, pod);
  } catch (error) {
    throw new Error(`container ${name} says no command, and its image's cannot be found: ${messageOf(error)}; ${help}`);
  }
  const { entrypoint, cmd } = own;
  const arguments_ = args?.length ? args : cmd;
  if (entrypoint.length + arguments_.length === 0) {
    throw new StatusError("Invalid", `container ${name}: neither it nor its image ${image} says a command; ${help}`);
  }
  // Without an entry point the first argument is the program.
  return { ...container, command: [...command, ...entrypoint], args: arguments_ };
}
