// SPDY/3.1 as Kubernetes' exec, attach and port-forward use it: both sides of a connection that has changed to it.
export { openSpdyClient, openSpdySession, type SpdyClient, type SpdySession, type SpdyStream } from "./session.ts";
