// Credentials for S3: from Secrets, from the environment of whoever uses the store, or of a role.
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { StoreResources } from "../resources.ts";
import { StoreError } from "../store.ts";

export type Credentials = NonNullable<S3ClientConfig["credentials"]>;

/**
 * What `useSDKCreds` means: variables, a web identity's token, the container's endpoint, the machine's role, in this order.
 * Nothing is taken from files or variables of this process.
 */
export async function ambientCredentials(
  { env, readText, machineAccount }: StoreResources,
  region: string,
): Promise<Credentials> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    return {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
    };
  }
  const providers = await import("@aws-sdk/credential-providers");
  const { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_ARN: roleArn } = env;
  if (tokenFile && roleArn) {
    const webIdentityToken = (await readText(tokenFile)).trim();
    const roleSessionName = env.AWS_ROLE_SESSION_NAME ?? "capstan";
    return providers.fromWebToken({ webIdentityToken, roleArn, roleSessionName, clientConfig: { region } });
  }
  const uri = env.AWS_CONTAINER_CREDENTIALS_FULL_URI;
  if (uri) {
    const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE;
    const token = file ? (await readText(file)).trim() : env.AWS_CONTAINER_AUTHORIZATION_TOKEN;
    return providers.fromHttp({
      awsContainerCredentialsFullUri: uri,
      awsContainerAuthorizationToken: token ?? "",
      // What is left out would be taken from this process.
      awsContainerCredentialsRelativeUri: "",
      awsContainerAuthorizationTokenFile: "",
    });
  }
  const missing =
    "useSDKCreds: the pod has no credentials: neither AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set";
  if (!machineAccount) throw new StoreError(missing);
  const machine = providers.fromInstanceMetadata({ timeout: 1000, maxRetries: 1 });
  return async () => {
    try {
      return await machine();
    } catch (error) {
      throw new StoreError(`${missing}, and the machine has no role (${(error as Error).message})`, { cause: error });
    }
  };
}

/** Credentials of a role that others may take on. */
export async function roleCredentials(
  roleArn: string,
  own: Credentials | undefined,
  region: string,
): Promise<Credentials> {
  const { fromTemporaryCredentials } = await import("@aws-sdk/credential-providers");
  return fromTemporaryCredentials({
    params: { RoleArn: roleArn, RoleSessionName: "capstan" },
    clientConfig: { region },
    ...(own ? { masterCredentials: own as never } : {}),
  });
}
