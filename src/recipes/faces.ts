/**
 * The built-in recipes for who only looks at a configuration: names, defaults and secrets of their options, and
 * their outputs. In the bundled program a table of just that stands here (scripts/lib/faces.mjs), so that looking
 * loads no recipe and nothing of Docker.
 */
export { recipes as faces } from "./index.js";
