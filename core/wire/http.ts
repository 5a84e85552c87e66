/**
 * Node's http, but not as an ES module: importing it as one reads all its exports, and one of these loads a WebSocket
 * client that nobody uses (13 MB and 18 ms of every process).
 */
export const http = process.getBuiltinModule("node:http");
