// grpc.health.v1.Health/Check, by hand: one string field asks, one enum field answers.
import { connect } from "node:http2";
import type { ProbeResult } from "./handler.ts";

const serving = 1;

export function checkGrpc(address: string, port: number, service: string, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${address}:${port}`);
    const fail = (error: Error) => {
      session.destroy();
      reject(new Error(`failed to connect service "${address}:${port}": ${error.message}`));
    };
    signal.addEventListener("abort", () => fail(new Error("timeout: context deadline exceeded")), { once: true });
    session.on("error", fail);
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const parts: Buffer[] = [];
    let status = "0";
    let text = "";
    const trailers = (headers: Record<string, string | string[] | number | undefined>) => {
      if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
      if (headers["grpc-message"] !== undefined) text = String(headers["grpc-message"]);
    };
    stream.on("response", trailers);
    stream.on("trailers", trailers);
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("error", fail);
    stream.on("end", () => {
      session.close();
      if (status !== "0") return resolve({ healthy: false, message: `rpc error: code ${status}: ${text}` });
      const answer = readStatus(Buffer.concat(parts));
      const healthy = answer === serving;
      resolve({ healthy, message: healthy ? "" : `service unhealthy (responded with "${nameOf(answer)}")` });
    });
    stream.end(frame(Buffer.from(service)));
  });
}

const nameOf = (status: number) => ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"][status] ?? String(status);

/** HealthCheckRequest{service = 1} in gRPC's length-prefixed framing. */
function frame(service: Buffer): Buffer {
  const message =
    service.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...varint(service.length)]), service]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}

/** HealthCheckResponse{status = 1}; the default is UNKNOWN. */
function readStatus(body: Buffer): number {
  const message = body.subarray(5);
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
