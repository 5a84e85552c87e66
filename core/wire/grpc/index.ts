// gRPC messages by generated descriptors, for clients and servers of @grpc/grpc-js.
export { type Descriptor, type MessageCodec, type MethodCodec, readCodecs } from "./codec.ts";
