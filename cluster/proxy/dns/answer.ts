import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type Answer as PacketRecord,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from "dns-packet";
import { forward } from "./forward.ts";
import { type Answer, type Record, resolveName, type Zone } from "./records.ts";

export interface AnswerOptions {
  zone: Zone;
  /** Name servers for all other names. */
  servers: string[];
  tcp: boolean;
}

// Rcodes, RFC 1035.
const rcode = { ok: 0, formatError: 1, serverFailure: 2, noName: 3, notImplemented: 4 };
// RFC 1035, without EDNS.
const plainSize = 512;
const chainLimit = 8;
/** What this server takes in a datagram: what fits any path. Source: dnsflagday.net/2020. */
const extensionRecord: PacketRecord = {
  type: "OPT",
  name: ".",
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** Undefined for what deserves no answer. */
export async function answerQuery(query: Buffer, options: AnswerOptions): Promise<Buffer | undefined> {
  if (query.length < 12) return undefined;
  let packet: Packet;
  try {
    packet = decode(query);
  } catch {
    // Whatever the decoder stumbled over, the question is malformed.
    return failed(query, rcode.formatError);
  }
  const [question] = packet.questions ?? [];
  if (packet.type !== "query" || !question || packet.questions?.length !== 1) return failed(query, rcode.formatError);
  const name = question.name.toLowerCase().replace(/\.$/, "");
  const found = resolveName(options.zone, name, question.type);
  if (!found) return (await forward(query, options.servers, options.tcp)) ?? failed(query, rcode.serverFailure);
  const complete = await followAliases(found, question.type, options);
  return pack(packet, complete, query, options);
}

/** Adds what an alias points at, as resolvers that do not ask again need it. */
async function followAliases(found: Answer, type: string, options: AnswerOptions): Promise<Answer> {
  const answers: PacketRecord[] = [...found.answers] as PacketRecord[];
  for (let depth = 0; depth < chainLimit; depth++) {
    const last = answers.at(-1);
    if (last?.type !== "CNAME" || type === "CNAME") break;
    const target = last.data.toLowerCase();
    const inside = resolveName(options.zone, target, type);
    const next = inside ? (inside.answers as PacketRecord[]) : await outside(target, type, options);
    if (next.length === 0) break;
    answers.push(...next);
  }
  return { ...found, answers: answers as Record[] };
}

async function outside(name: string, type: string, { servers }: AnswerOptions): Promise<PacketRecord[]> {
  const id = Math.floor(Math.random() * 65_536);
  const query = encode({ type: "query", id, flags: RECURSION_DESIRED, questions: [{ name, type: type as "A" }] });
  const answer = await forward(query, servers, false);
  if (!answer) return [];
  return (decode(answer).answers ?? []).filter((record) => record.type === type || record.type === "CNAME");
}

function pack(packet: Packet, found: Answer, query: Buffer, { zone, tcp }: AnswerOptions): Buffer {
  const soa: PacketRecord = {
    type: "SOA",
    name: zone.domain,
    ttl: 5,
    data: {
      mname: `ns.dns.${zone.domain}`,
      rname: `hostmaster.${zone.domain}`,
      serial: Math.floor(Date.now() / 1000),
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: 5,
    },
  };
  const option = packet.additionals?.find((record) => record.type === "OPT") as { udpPayloadSize?: number } | undefined;
  // RFC 6891: who asks with an extension is answered with one.
  const extension: PacketRecord[] = option ? [extensionRecord] : [];
  const desired = query.readUInt16BE(2) & RECURSION_DESIRED;
  const flags = AUTHORITATIVE_ANSWER | RECURSION_AVAILABLE | desired;
  const base: Packet = {
    type: "response",
    id: packet.id,
    flags: flags | (found.exists ? rcode.ok : rcode.noName),
    questions: packet.questions,
    answers: inTurn(found.answers) as PacketRecord[],
    authorities: found.answers.length === 0 ? [soa] : [],
    additionals: [...(found.additionals as PacketRecord[]), ...extension],
  };
  const bytes = encode(base);
  const limit = Math.max(plainSize, option?.udpPayloadSize ?? 0);
  if (tcp || bytes.length <= limit) return bytes;
  return encode({
    ...base,
    flags: (base.flags ?? 0) | TRUNCATED_RESPONSE,
    answers: [],
    additionals: extension,
    authorities: [],
  });
}

/** Many clients take the first of several addresses: each time it is another one. */
function inTurn(answers: Record[]): Record[] {
  const addresses = answers.filter(({ type }) => type === "A");
  if (addresses.length < 2) return answers;
  const from = Math.floor(Math.random() * addresses.length);
  const rotated = [...addresses.slice(from), ...addresses.slice(0, from)];
  return [...answers.filter(({ type }) => type !== "A"), ...rotated];
}

/** An answer without records to a query that may not even be decodable. */
function failed(query: Buffer, code: number): Buffer {
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8000 | (query.readUInt16BE(2) & 0x7900) | RECURSION_AVAILABLE | code, 2);
  return head;
}
