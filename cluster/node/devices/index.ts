// Devices that vendors' plugins, or the machine itself, give to containers.
export { DeviceManager } from "./manager.ts";
export { serveDevices, standardPluginDirectory } from "./serve.ts";
