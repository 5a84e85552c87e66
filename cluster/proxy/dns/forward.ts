// Names of the outside world: asked for at the node's own name servers.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

const tryMs = 2000;
const tcpLimit = 65_535;

/** The node's name servers, without those in `own`. IPv6 ones are left out. */
export function nodeServers(own: ReadonlySet<string>): string[] {
  const lines = readFileSync("/etc/resolv.conf", "utf8").split("\n");
  const servers = lines.flatMap((line) => /^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/.exec(line)?.[1] ?? []);
  return servers.filter((server) => !own.has(server));
}

/**
 * The answer of the first server that gives one; undefined when none does. The query goes as it came.
 * @param servers `address`, or `address:port`.
 */
export async function forward(query: Buffer, servers: string[], tcp: boolean): Promise<Buffer | undefined> {
  for (const server of servers) {
    const [address = "", port = "53"] = server.split(":");
    const answer = await (tcp ? askTcp(query, address, Number(port)) : askUdp(query, address, Number(port)));
    if (answer) return answer;
  }
  return undefined;
}

function askUdp(query: Buffer, server: string, port: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const done = (answer?: Buffer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(done, tryMs);
    socket.once("error", () => done());
    socket.on("message", (answer) => {
      // Anything else is not the answer to this question.
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) done(answer);
    });
    socket.connect(port, server, (error?: Error) => (error ? done() : socket.send(query)));
  });
}

function askTcp(query: Buffer, server: string, port: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port });
    const parts: Buffer[] = [];
    const done = (answer?: Buffer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(done, tryMs);
    socket.once("error", () => done());
    socket.once("close", () => done());
    socket.once("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on("data", (data: Buffer) => {
      parts.push(data);
      const all = Buffer.concat(parts);
      if (all.length < 2) return;
      const length = all.readUInt16BE(0);
      if (all.length >= length + 2) done(all.subarray(2, length + 2));
      else if (all.length > tcpLimit + 2) done();
    });
  });
}
