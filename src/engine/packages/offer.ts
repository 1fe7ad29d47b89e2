import Module, { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ownPackage } from "./self.js";

let offered = false;

/** Lets recipes import `tsbuildout/recipe` and the like also where tsbuildout is not installed beside them: then they
 *  get the one that runs them. What Node itself finds comes first. */
export function offerSelf(): void {
  if (offered) return;
  offered = true;
  const manifest = join(ownPackage().folder, "package.json");
  offerToRequire(manifest);
  const parent = JSON.stringify(pathToFileURL(manifest).href);
  const hook = `
    export async function resolve(specifier, context, next) {
      if (!/^tsbuildout(\\/|$)/.test(specifier)) return await next(specifier, context);
      try {
        return await next(specifier, context);
      } catch {
        return await next(specifier, { ...context, parentURL: ${parent} });
      }
    }`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}

/** How `require` finds files: of Node's own names the one that every loader of TypeScript builds on. Hooks for `import`
 *  do not concern it, those for both came with Node 22.15. */
interface Requiring {
  _resolveFilename(request: string, parent: unknown, ...more: unknown[]): string;
}

// oxlint-disable no-underscore-dangle
function offerToRequire(manifest: string): void {
  const requiring = Module as unknown as Requiring;
  const find = requiring._resolveFilename.bind(Module);
  const self = Object.assign(new Module(manifest), { filename: manifest });
  requiring._resolveFilename = (request, parent, ...more) => {
    try {
      return find(request, parent, ...more);
    } catch (error) {
      if (!/^tsbuildout(\/|$)/.test(request)) throw error;
      return find(request, self, ...more);
    }
  };
}
