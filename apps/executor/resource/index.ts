// Templates of type resource: one action on an object, and the wait until it is as wanted.
export { runResource } from "./resource.ts";
