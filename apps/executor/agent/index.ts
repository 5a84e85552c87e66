// The agent of a workflow: one pod that does what needs no pod of its own.
export { type AgentOptions, runAgent } from "./agent.ts";
