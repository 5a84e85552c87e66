// Gives claims a volume: one that is there and fits, or a new directory of this machine.
export { createClaimBinder } from "./binder.ts";
export { createLocalStorage, type LocalStorageOptions, localClass } from "./local.ts";
export { createVolumeController } from "./volumes.ts";
