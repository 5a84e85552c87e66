// Request bodies in Kubernetes' protobuf, decoded by the generated facts of the built-in kinds.
export { decodeProtobuf } from "./decode.ts";
