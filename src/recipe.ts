/** The public API for recipe authors. */
export * from "./engine/contract.js";
export {
  isFalse,
  isTrue,
  option,
  OptionValueError,
  parseDuration,
  parseSize,
  splitLines,
  type DecodeContext,
  type Option,
  type OptionsOf,
  type Schema,
} from "./engine/schema.js";
export { globMatcher } from "./engine/glob.js";
export { localPath } from "./engine/local-path.js";
export { quoteWord, splitWords } from "./engine/words.js";
export { httpClient, shownUrl, splitCredentials } from "./engine/http.js";
