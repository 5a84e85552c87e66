// Where a workflow's nodes are: on it, on it compressed, or in ConfigMaps of its own. Runs in browsers too.
export { ChunkWriter, readChunks } from "./chunks.ts";
export { createNodeCodec, type NodeCodec, offload, packedLimit } from "./codec.ts";
export { packNodes, unpackNodes } from "./packed.ts";
