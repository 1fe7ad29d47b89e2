import { givenLogin } from "tsbuildout/docker";
import { option, type ConfigureContext } from "tsbuildout/recipe";
import { configureEngine, engineOptions, problemsOf } from "./common.js";

/** The options of recipes that speak with a registry through the engine. */
export const registryOptions = {
  ...engineOptions,
  registry: option.string({
    doc: "Registry that goes before the name: `registry.example:5000`. Default: the one in the name, else Docker Hub.",
  }),
  username: option.string({
    doc: "Name at the registry, with `password`; of several registries, at the one of the first name. Default: DOCKER_AUTH_CONFIG, credential helpers and logins of the docker CLI; for ECR a token is fetched.",
    inPlace: true,
  }),
  password: option.string({ doc: "Password or access token at the registry.", secret: true, inPlace: true }),
};

/** To be called by `configure`, in the place of `configureEngine`: half a login is said before anything is done. A half
 *  that is written and empty may come from an environment that only an install has. */
export function configureRegistry(context: ConfigureContext<typeof registryOptions>): void {
  configureEngine(context);
  const [username, password] = [context.text("username"), context.text("password")];
  if (!context.unknown.has("username") && !context.unknown.has("password"))
    problemsOf(context, () => givenLogin({ username, password }));
}
