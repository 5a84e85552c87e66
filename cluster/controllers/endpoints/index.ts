// Where a Service's traffic goes: Endpoints and EndpointSlices of its pods, and slices of Endpoints written by hand.
export { createEndpointsController } from "./endpoints.ts";
export { createEndpointSliceMirror } from "./mirror.ts";
export { createEndpointSliceController } from "./slices.ts";
