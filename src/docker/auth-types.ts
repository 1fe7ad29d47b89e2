/** What a registry is logged in to with. Never printed: only `origin` may be. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth refresh token, in the place of a password. */
  readonly identityToken?: string;
  readonly registryToken?: string;
  /** The key under which the engine looks for them. */
  readonly serverAddress: string;
  /** Who had them: `options`, `DOCKER_AUTH_CONFIG`, `docker-credential-pass`, a path. */
  readonly origin: string;
}
