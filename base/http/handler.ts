/** Who asks: set by the layer that authenticated the caller, never by the caller itself. */
export interface Principal {
  name: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

/** The other end of the connection, as the transport saw it: set by the transport alone, absent in process. */
export interface Peer {
  /** IP address. */
  address: string;
  /** Subject of the client's certificate, when it showed one that the server's client authority signed. */
  certificate?: { commonName: string; organizations: string[] };
  /** The client showed a certificate that is expired, or that the server's client authority did not sign. */
  refusedCertificate?: true;
}

export interface HttpRequest {
  method: string;
  /** Path and query, as on the request line. */
  url: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body?: Uint8Array;
  principal?: Principal;
  peer?: Peer;
  /** Aborted when the caller goes away. */
  signal: AbortSignal;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  /** Whole, or chunk by chunk: each chunk is flushed as it comes. */
  body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  /** The body's chunks are never changed and reach many readers: what is made of one may be kept for the next. */
  shared?: true;
}

export type Handler = (request: HttpRequest) => Promise<HttpResponse>;

/** Wraps a handler: authentication, authorization, audit, limits. */
export type Interceptor = (next: Handler) => Handler;
