// What the rooms of the server add to the event of a request.
import type { HttpRequest, HttpResponse } from "@capstan/base/http";

/** On a request that is recorded; copied along with it. */
const annotator = Symbol("audit annotations");
type Annotated = HttpRequest & { [annotator]?: (key: string, value: string) => void };

export const withAnnotator = (request: HttpRequest, add: (key: string, value: string) => void): HttpRequest =>
  ({ ...request, [annotator]: add }) as Annotated;

/** Adds an annotation to the event of a request; the first value of a key stays. Nothing when it is not recorded. */
export function annotate(request: HttpRequest, key: string, value: string): void {
  (request as Annotated)[annotator]?.(key, value);
}

const unexpected = new WeakMap<HttpResponse, string>();

/** Says of an answer that something broke on the way to it. */
export function markBroken(response: HttpResponse, message: string): HttpResponse {
  unexpected.set(response, message);
  return response;
}

export const brokenBy = (response: HttpResponse): string | undefined => unexpected.get(response);
