/**
 * The first lines of the program: for a shell a program of two commands, for Node a string and a comment. Node 20 reads
 * NODE_EXTRA_CA_CERTS before it runs anything, so that only who starts Node can put that off
 * (src/cli/boot/extra-certificates.ts has the variable back, and reads it where it is needed).
 */
export const LAUNCHER = [
  "#!/usr/bin/env sh",
  '\':\' //; [ -z "$NODE_EXTRA_CA_CERTS" ] || { export TSBUILDOUT_NODE_EXTRA_CA_CERTS="$NODE_EXTRA_CA_CERTS"; unset NODE_EXTRA_CA_CERTS; }; exec node "$0" "$@"',
].join("\n");
