// What is asked, by topic; fixtures hold what a kube-apiserver answered.
import type { Scenarios } from "../recording.ts";
import { discovery } from "./discovery.ts";
import { objects } from "./objects.ts";
import { selection } from "./selection.ts";
import { tables } from "./tables.ts";

export const topics: Record<string, Scenarios> = { objects, discovery, tables, selection };
