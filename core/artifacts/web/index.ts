// Stores whose keys are addresses, and requests over HTTP for others.
export { openArtifactory, openHttp } from "./http.ts";
export { bare, basicAuth, readJson, request, type WebRequest } from "./request.ts";
