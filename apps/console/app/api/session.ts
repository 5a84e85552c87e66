import { useQuery } from "@tanstack/react-query";
import { consoleHeaders, keepSessionKey } from "./handler.ts";
import { patientFetch } from "./patient.ts";

export interface SessionUser {
  user: string;
  groups: string[];
  /** Address of the gateway, for requests from a shell. */
  gateway: string;
  /** Where a token for the gateway stands; absent for those who brought their own. */
  tokenFile?: string;
}

/** A refusal of the console's own endpoints. */
export class LoginError extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.name = "LoginError";
    this.reason = reason;
  }
}

/** Begins a session. @throws LoginError when the server refuses. */
export async function logIn(proof: { oneTime: string } | { bearer: string }): Promise<SessionUser> {
  const answer = await patientFetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json", ...consoleHeaders() },
    body: JSON.stringify(proof),
  });
  const { key, ...user } = await read<SessionUser & { key: string }>(answer);
  keepSessionKey(key);
  return user;
}

export async function logOut(): Promise<void> {
  await fetch("/logout", { method: "POST", headers: consoleHeaders() });
  keepSessionKey(undefined);
}

/** Who is logged in; null when nobody is. */
export function useSession(): SessionUser | null | undefined {
  const { data } = useQuery({
    queryKey: ["session"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async (): Promise<SessionUser | null> => {
      const answer = await patientFetch("/session", { headers: consoleHeaders() });
      return answer.status === 401 ? null : read(answer);
    },
  });
  return data;
}

async function read<T>(answer: Response): Promise<T> {
  const body = (await answer.json()) as T & { reason?: string; message?: string };
  if (!answer.ok) throw new LoginError(body.reason ?? "InternalError", body.message ?? answer.statusText);
  return body;
}
