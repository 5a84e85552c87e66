import type { ComponentDefinition } from "@capstan/components/contract";
import { evaluate } from "./evaluate.ts";
import { gbdt } from "./gbdt.ts";
import { impute } from "./impute.ts";
import { logistic } from "./logistic.ts";
import { oneHot } from "./one-hot.ts";
import { predictRows } from "./predict.ts";
import { readFile } from "./read-file.ts";
import { register } from "./register.ts";
import { sampleData } from "./sample-data.ts";
import { scale } from "./scale.ts";
import { select } from "./select.ts";
import { split } from "./split.ts";

/** By name, in the order of a palette. */
export const catalogue: ReadonlyMap<string, ComponentDefinition> = new Map(
  [readFile, sampleData, select, split, impute, oneHot, scale, gbdt, logistic, evaluate, predictRows, register].map(
    (definition) => [definition.name, definition],
  ),
);
