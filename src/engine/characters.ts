/** UTF-16 units that the language means something by, as `charCodeAt` gives them. */
export const TAB = 9;
export const LINE_FEED = 10;
export const CARRIAGE_RETURN = 13;
export const SPACE = 32;
export const HASH = 35;
export const PLUS = 43;
export const MINUS = 45;
export const COLON = 58;
export const SEMICOLON = 59;
export const LESS = 60;
export const EQUALS = 61;
export const GREATER = 62;
export const OPENING_BRACKET = 91;
export const CLOSING_BRACKET = 93;
export const OPENING_BRACE = 123;
export const BYTE_ORDER_MARK = 0xfeff;
