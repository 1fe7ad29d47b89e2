/** Loop devices belong to the engine's host: a container that goes leaves those that its scripts attached. */

/**
 * A shell script that ends all other processes of a container, then unmounts and detaches the loop devices whose files
 * are in it. The file's file system tells whose a device is: every container's root has a device number of its own, while
 * paths of other containers look the same from here. Prints `left <device> <file>` for what it could not detach.
 */
export const RELEASE = `
exec 2>/dev/null
kill -9 -1
root=
while read -r id parent dev top point rest; do [ "$point" = / ] && root=$dev; done </proc/self/mountinfo
ours() {
  set -- "$1" "$2" $(losetup -n -O BACK-MAJ:MIN,BACK-INO "$1")
  [ -n "$3" ] && [ "$3" = "$root" ] && return 0
  [ -e "$2" ] || return 1
  # A losetup that tells no numbers (busybox) leaves only the path to go by.
  [ -z "$4" ] || [ "$(stat -c %i "$2")" = "$4" ]
}
for sys in /sys/block/loop*; do
  [ -e "$sys/loop/backing_file" ] || continue
  node=/dev/\${sys##*/}
  read -r file <"$sys/loop/backing_file"
  IFS=: read -r major minor <"$sys/dev"
  [ -b "$node" ] || mknod "$node" b "$major" "$minor" || continue
  ours "$node" "$file" || continue
  points=
  while read -r source point rest; do
    case $source in "$node" | "\${node}"p*) points="$point
$points" ;; esac
  done </proc/self/mounts
  printf %s "$points" | while IFS= read -r point; do
    point=$(printf %b "$point")
    umount "$point" || umount -l "$point"
  done
  # Partitions that partx has added outlive their device.
  partx -d "$node"
  losetup -d "$node"
  [ -e "$sys/loop/backing_file" ] && ours "$node" "$file" && echo "left $node $file"
done
exit 0
`;

/** What the script could not detach: `device (file)` each. */
export function attachedLoops(output: string): string[] {
  return [...output.matchAll(/^left (\S+) (.*)$/gm)].map(([, node, file]) => `${node} (${file})`);
}
