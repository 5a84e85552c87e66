// Runs inside a test pod: answers on the ports that it is told, and asks others when it is told on its standard input.
// Answers are the pod's name and the address of who asked.
import { createSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";

interface Setup {
  name: string;
  host: string;
  tcp: number[];
  udp: number[];
}
interface Question {
  id: number;
  protocol: "tcp" | "udp";
  host: string;
  port: number;
  wait: number;
}

const { name, host, tcp, udp } = JSON.parse(process.argv[2] ?? "{}") as Setup;
const bare = (address: string | undefined) => (address ?? "").replace("::ffff:", "");
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

for (const port of tcp) {
  const server = createServer((socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(`${name} ${bare(socket.remoteAddress)}`);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
}
for (const port of udp) {
  const socket = createSocket("udp4");
  socket.on("message", (_, { address, port: from }) => socket.send(`${name} ${address}`, from, address));
  await new Promise<void>((resolve) => socket.bind(port, host, resolve));
}

function askTcp({ host: other, port, wait }: Question): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: other, port });
    let text = "";
    socket.setTimeout(wait, () => {
      socket.destroy();
      resolve("silence");
    });
    socket.on("data", (data) => (text += data));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "error"));
    socket.on("end", () => resolve(text || "nothing"));
  });
}

function askUdp({ host: other, port, wait }: Question): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    const done = (answer: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done("silence"), wait);
    socket.once("message", (data) => done(String(data)));
    socket.once("error", (error: NodeJS.ErrnoException) => done(error.code ?? "error"));
    socket.connect(port, other, () => socket.send("?"));
  });
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  const question = JSON.parse(line) as Question;
  say({ id: question.id, answer: await (question.protocol === "tcp" ? askTcp(question) : askUdp(question)) });
});
say({ id: 0, answer: "ready" });
