import { type Client, createClient } from "@capstan/core/client";
import { fetchHandler } from "./handler.ts";
import { streaming } from "./stream-socket.ts";

/** The Kubernetes API with this session's rights. */
export const client: Client = createClient(streaming(fetchHandler));
