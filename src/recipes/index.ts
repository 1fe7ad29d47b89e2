import type { Recipe } from "tsbuildout/recipe";

type Loader = () => Promise<{ readonly default: Recipe }>;

/** Every built-in recipe by name, loaded on use. The keys are also the names of the files, pages and tests. */
export const recipes: Readonly<Record<string, Loader>> = {
  "docker.build": () => import("./docker.build.js"),
  "docker.copy": () => import("./docker.copy.js"),
  "docker.ecr-push": () => import("./docker.ecr-push.js"),
  "docker.gentoo-bootstrap": () => import("./docker.gentoo-bootstrap.js"),
  "docker.gentoo-build": () => import("./docker.gentoo-build.js"),
  "docker.gentoo-diskimage": () => import("./docker.gentoo-diskimage.js"),
  "docker.images": () => import("./docker.images.js"),
  "docker.load": () => import("./docker.load.js"),
  "docker.network": () => import("./docker.network.js"),
  "docker.pull": () => import("./docker.pull.js"),
  "docker.push": () => import("./docker.push.js"),
  "docker.run": () => import("./docker.run.js"),
  "docker.save": () => import("./docker.save.js"),
  "docker.stage": () => import("./docker.stage.js"),
  "docker.volume": () => import("./docker.volume.js"),
};
