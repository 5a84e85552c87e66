import { StatusError } from "@capstan/api/meta";
import type { Written } from "../objects.ts";
import type { Call, Core } from "./call.ts";

export async function apply(_core: Core, _call: Call): Promise<Written> {
  throw new StatusError("UnsupportedMediaType", "server-side apply is not served yet");
}
