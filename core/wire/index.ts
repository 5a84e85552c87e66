// Sockets: a Handler behind TLS or plain HTTP, and a remote server as a Handler.
export { errorResponse } from "./respond.ts";
export { type ServeOptions, type Serving, serve, type Upgrade } from "./server.ts";
export { createTransport, type Transport, type TransportOptions, type UpgradedConnection } from "./transport.ts";
export { joinSockets, writeRaw, writeSwitch } from "./upgrade.ts";
