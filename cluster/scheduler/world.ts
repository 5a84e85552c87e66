import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { NodeState } from "./node-state.ts";

/** All nodes with what is placed on them, pods included whose binding is on its way. */
export class World {
  readonly #states = new Map<string, NodeState>();
  /** Where each pod is counted, by uid. */
  readonly #places = new Map<string, string>();
  readonly #assumed = new Set<string>();

  get nodes(): NodeState[] {
    return [...this.#states.values()].filter(({ node }) => node !== undefined);
  }

  setNode(name: string, node: Node | undefined): void {
    const state = this.#state(name);
    state.setNode(node);
    if (state.isEmpty) this.#states.delete(name);
  }

  /** A pod as the API has it. */
  setPod(pod: Pod, present: boolean): void {
    const uid = pod.metadata.uid ?? "";
    const { nodeName } = pod.spec;
    const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    // What the API has not seen bound yet may be bound by us already.
    if (present && !nodeName && this.#assumed.has(uid)) return;
    this.#assumed.delete(uid);
    this.#remove(pod);
    if (present && nodeName && !ended) this.#place(pod, nodeName);
  }

  /** Counts the pod on the node before the API says so. */
  assume(pod: Pod, node: string): void {
    this.#assumed.add(pod.metadata.uid ?? "");
    this.#place({ ...pod, spec: { ...pod.spec, nodeName: node } }, node);
  }

  /** The binding failed. */
  forget(pod: Pod): void {
    if (this.#assumed.delete(pod.metadata.uid ?? "")) this.#remove(pod);
  }

  isPlaced(uid: string): boolean {
    return this.#places.has(uid);
  }

  #place(pod: Pod, node: string): void {
    this.#remove(pod);
    this.#places.set(pod.metadata.uid ?? "", node);
    this.#state(node).place(pod);
  }

  #remove(pod: Pod): void {
    const name = this.#places.get(pod.metadata.uid ?? "");
    if (name === undefined) return;
    this.#places.delete(pod.metadata.uid ?? "");
    const state = this.#state(name);
    state.remove(pod);
    if (state.isEmpty) this.#states.delete(name);
  }

  #state(name: string): NodeState {
    let state = this.#states.get(name);
    if (!state) {
      state = new NodeState(name);
      this.#states.set(name, state);
    }
    return state;
  }
}
