// The console's server side: login, sessions, the app's files, and the way to the API and the models as the user.
export { type ConsoleServer, type ConsoleServerOptions, createConsoleServer } from "./console-server.ts";
export { createOneTimeLogin, loginUrl, type OneTimeLogin } from "./one-time-login.ts";
export type { GatewayAccess } from "./prediction.ts";
export { loadConsoleSecret } from "./secret.ts";
