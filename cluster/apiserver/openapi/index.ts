// The API's own description: OpenAPI 3 by group and version, and one Swagger 2 document.
export { createOpenApi, type OpenApi } from "./documents.ts";
