import type { IncomingMessage } from "node:http";
import { type PeerCertificate, TLSSocket } from "node:tls";
import { StatusError } from "@capstan/api/meta";
import type { HttpRequest, Peer } from "@capstan/base/http";

const peers = new WeakMap<object, Peer>();

/** Who is at the other end of a socket: worked out once for each connection. */
export function peerOf(request: IncomingMessage): Peer {
  const { socket } = request;
  let peer = peers.get(socket);
  if (!peer) {
    peer = { address: socket.remoteAddress ?? "" };
    if (socket instanceof TLSSocket) Object.assign(peer, certificateOf(socket));
    peers.set(socket, peer);
  }
  return peer;
}

function certificateOf(socket: TLSSocket): Pick<Peer, "certificate" | "refusedCertificate"> {
  const shown = socket.getPeerCertificate();
  // Node gives an empty object when the client showed no certificate.
  if (!shown?.raw) return {};
  if (!socket.authorized) return { refusedCertificate: true };
  const certificate = readSubject(shown);
  return certificate ? { certificate } : {};
}

function readSubject(certificate: PeerCertificate): Peer["certificate"] {
  const list = (value: unknown) => (value === undefined ? [] : [value].flat().map(String));
  const commonName = list(certificate.subject?.CN)[0];
  return commonName ? { commonName, organizations: list(certificate.subject.O) } : undefined;
}

/** The request without its body. */
export function headOf(request: IncomingMessage, signal: AbortSignal): HttpRequest {
  return {
    method: request.method ?? "GET",
    url: request.url ?? "/",
    // Only set-cookie would be a list, and that is no request header.
    headers: request.headers as Record<string, string>,
    peer: peerOf(request),
    signal,
  };
}

/** Reads a body of at most `limit` bytes. Throws RequestEntityTooLarge beyond that, without reading on. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  const { headers } = request;
  if (headers["content-length"] === undefined && headers["transfer-encoding"] === undefined) return undefined;
  const tooLarge = () => new StatusError("RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);
  if (Number(headers["content-length"]) > limit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    request.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        request.pause();
        reject(tooLarge());
      }
    });
    request.once("end", resolve);
    request.once("error", reject);
    request.once("close", () => {
      if (!request.complete) reject(new StatusError("BadRequest", "the request broke off before its body ended"));
    });
  });
  if (size === 0) return undefined;
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}
