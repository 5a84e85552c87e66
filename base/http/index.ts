// A server is a function from request to response, so that a client in the same process calls it without a socket.
export type { Handler, HttpRequest, HttpResponse, Interceptor, Peer, Principal } from "./handler.ts";
