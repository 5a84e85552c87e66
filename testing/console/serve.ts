// Look at the console: `node testing/console/serve.ts [port]`, then open the address that it prints.
import { once } from "node:events";
import { loginUrl } from "@capstan/console/server";
import { runConsole } from "./run.ts";

await using running = await runConsole({ port: Number(process.argv[2] ?? 0) });
const hour = Date.now() + 3600_000;
console.log(loginUrl(running.port, { token: await running.login(), expires: hour }));
await once(process, "SIGINT");
