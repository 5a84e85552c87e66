// Asks an echo server one short message after another. Arguments: host, port, warm-up rounds, measured rounds.
// Prints the milliseconds of each measured round as JSON.
import { once } from "node:events";
import { connect } from "node:net";

const [host = "", port = "0", warm = "0", measured = "0"] = process.argv.slice(2);
const socket = connect({ host, port: Number(port), noDelay: true });
await once(socket, "connect");
const message = Buffer.alloc(64, 120);
const samples: number[] = [];
for (let round = 0; round < Number(warm) + Number(measured); round++) {
  const start = process.hrtime.bigint();
  let left = message.length;
  const answered = new Promise<void>((resolve) => {
    const take = (data: Buffer) => {
      left -= data.length;
      if (left > 0) return;
      socket.off("data", take);
      resolve();
    };
    socket.on("data", take);
  });
  socket.write(message);
  await answered;
  if (round >= Number(warm)) samples.push(Number(process.hrtime.bigint() - start) / 1e6);
}
socket.destroy();
process.stdout.write(JSON.stringify(samples));
