/** What reference pages say of the built-in recipes beyond their schemas. Apart from the recipes, because runs need none
 *  of it. */
export interface RecipePage {
  /** What install, update and uninstall do, and what makes it reinstall; Markdown. */
  readonly lifecycle: string;
  /** A buildout file; a test runs it, or plans it where it needs what a test cannot have. */
  readonly example: string;
}

export const pages: Readonly<Record<string, RecipePage>> = {
  "docker.build": {
    lifecycle: `**Install** sends the build context to the engine and builds. **Update** does the same in place when the context, the Dockerfile, a base image or an option has changed; the tag moves to the new image, and the old one goes if nothing else uses it and it was ours. Nothing changed means that nothing is sent. Parts that refer to \`image-id\` see a change only if the id is another one.

**Uninstall** takes the part's tags away, and the image with its last one. **Reinstall** happens when the part moves to another engine; a changed name moves in place, and the earlier one goes. An image that another part (one of \`parts\`, or referred to) builds and the Dockerfile names in \`FROM\` is built first, without being referred to; a Dockerfile that comes in an archive, from a repository or a URL is read too late for that: say \`=> part\`.`,
    example: `[buildout]
parts = app

[app]
recipe = docker.build
dockerfile-inline =
    FROM busybox
    ARG GREETING
    RUN echo "$GREETING" > /greeting
build-args = GREETING=hello
tags = example-app:1 example-app:latest
`,
  },
  "docker.copy": {
    lifecycle: `**Install** streams the paths from one side to the other, bit by bit: modes, owners, times, links, extended attributes and holes arrive as they are, and nothing touches the disk of this machine. **Update** copies again when the source has changed. **Uninstall** leaves what was copied into a container: it belongs to the container by then. Of a folder of this machine it takes away the files and folders that the copy made, with all that is in them by then, and leaves what was there before. A changed option copies anew over what is there: only a place that is asked for no more goes with what is in it.`,
    example: `[buildout]
parts = take

[from]
recipe = docker.run
name = example-from
image = busybox
command = sleep 1000
init = true

[to]
recipe = docker.run
name = example-to
image = busybox
command = sleep 1000
init = true

[take]
recipe = docker.copy
container-from = $<from:name>
container-to = $<to:name>
paths =
    /etc/passwd /etc/passwd.other
    /bin/
`,
  },
  "docker.ecr-push": {
    lifecycle: `**Install** and **update** make sure of the repository and its settings, log in, and push what the repository does not hold yet under those tags; when it holds the digest already, nothing is sent. A tag that cannot be moved and holds something else is an error.

**Uninstall** leaves what was published, unless \`keep = false\` is written: then the tags that this part pushed go. The repository always stays.`,
    example: `[buildout]
parts = publish

[app]
recipe = docker.build
source = .

[publish]
recipe = docker.ecr-push
image = $<app:image>
repository = shop/app
region = eu-west-1
tags = 1.2.3 stable
max-age-days = 90
`,
  },
  "docker.gentoo-bootstrap": {
    lifecycle: `**Install** brings the archives to the download cache, imports them as an image, creates the builder's container, puts \`freeze\` and the layout into it, runs the script and, with \`commit\`, makes the result the image. A changed script or layout **updates** the container; changed archives **reinstall** it. **Uninstall** removes the container, and the image unless \`keep\` says otherwise; downloads stay in their cache.`,
    example: `[buildout]
parts = builder
download-cache = downloads

[builder]
recipe = docker.gentoo-bootstrap
image = builder_amd64:latest
archives =
    https://distfiles.gentoo.org/releases/amd64/autobuilds/latest-stage3-amd64-openrc.txt
commit = true
keep = true
script =
    emerge --sync
    emerge -uDNvkb @world
`,
  },
  "docker.gentoo-build": {
    lifecycle: `**Install** has the builder make binary packages, installs them and nothing else into an empty root, copies that root into the image's container, adds base, layout, copies and script, and commits. The same inputs (builder, package lists, layouts by their content) mean that nothing is done; others build anew in place. **Uninstall** removes the part's containers, and its image unless \`keep\` says otherwise. Nobody else's images or containers are ever removed.`,
    example: `[buildout]
parts = base

[base]
recipe = docker.gentoo-build
build-image = builder_amd64:latest
accept-keywords = sys-apps/s6 **
use = sys-apps/busybox static
packages =
    sys-libs/glibc
    sys-apps/busybox
    app-shells/bash
script =
    /bin/busybox --install -s /bin
    ldconfig
command = /bin/bash
`,
  },
  "docker.gentoo-diskimage": {
    lifecycle: `**Install** starts the builder, runs \`prepare-script\`, unpacks the base image into \`build-root\` inside of it, runs \`build-script\`, and takes \`image-file\` out to \`location\`, holes and all. What an engine puts over \`/etc/hosts\`, \`/etc/hostname\`, \`/etc/resolv.conf\` and \`/etc/mtab\` of every container is on the disk as the image has it. The file appears whole or not at all; the container, its mounts and loop devices go even when a script fails. Any change makes the file anew; **uninstall** removes it.`,
    example: `[buildout]
parts = disk

[disk]
recipe = docker.gentoo-diskimage
build-image = builder_amd64:latest
base-image = base:latest
build-root = /mnt
image-file = /tmp/disk.img
compress = zstd
checksum = true
prepare-script =
    truncate -s 2G $<:image-file>
    mkfs.ext4 -F $<:image-file>
    mount -o loop $<:image-file> /mnt
build-script =
    umount /mnt
`,
  },
  "docker.images": {
    lifecycle: `The part does nothing itself: each subfolder with a Dockerfile becomes a part \`<part>.<subfolder>\` that builds it, and with \`push\` one more that pushes it. They are in plan, status and graph like any other; a section of such a name in the file changes its options. A \`FROM\` of a neighbour's image puts that one first. A subfolder that goes away is uninstalled.`,
    example: `[buildout]
parts = all

[all]
recipe = docker.images
directory = images
push = registry
repository-prefix = registry.example.org/shop
tags = 1.2
`,
  },
  "docker.load": {
    lifecycle: `**Install** streams the archive to the engine. It is loaded again when the archive's content changes or an image of it is gone. **Uninstall** removes only the tags that the part brought.`,
    example: `[buildout]
parts = tools

[tools]
recipe = docker.load
path = tools.tar.gz
`,
  },
  "docker.network": {
    lifecycle: `**Install** creates the network, or uses one of that name that is there and is as asked for; one that differs is an error that says in what. A changed option **reinstalls** it, with the containers in it before and after. **Uninstall** removes it if this part made it; containers of others that are in it are named, not cut off.`,
    example: `[buildout]
parts = back

[back]
recipe = docker.network
name = example-back
subnet = 10.123.0.0/24
gateway = 10.123.0.1
internal = true
`,
  },
  "docker.pull": {
    lifecycle: `**Install** pulls the image as \`pull-policy\` says. **Update** pulls again when the image is gone, or when the policy asks for it. **Uninstall** removes the tag if this part brought it, and the image with its last tag.`,
    example: `[buildout]
parts = nginx

[nginx]
recipe = docker.pull
image = nginx
tag = stable
pull-policy = daily
`,
  },
  "docker.push": {
    lifecycle: `**Install** and **update** tag the image for the registry and push it under each tag that does not hold its digest yet. **Uninstall** takes away the local tags that this part made; what was pushed stays. A registry that goes away in the middle has the engine wait and try again for up to two minutes, and a line says so; \`timeout\` ends that earlier. The next run pushes what is missing. While nothing else has changed, a registry that cannot be asked is taken to have what was pushed, and a line says so.`,
    example: `[buildout]
parts = publish

[app]
recipe = docker.build
source = .

[publish]
recipe = docker.push
image = $<app:image>
registry = registry.example.org
tags = 1.2.3 latest
username = ci
password = $<env:REGISTRY_PASSWORD|>
`,
  },
  "docker.run": {
    lifecycle: `**Install** makes sure of the image, creates the container, copies the layout onto it, starts it, runs the script in it, and waits for what \`wait-for\` names. **Update** starts it when it has stopped, makes it anew when it is gone, applies changed limits, networks and restart policy to it as it runs, and copies a changed layout again. What an engine cannot change so takes a new container: a limit that is taken away, another \`mac=\`, a way to or from the networks \`host\` and \`none\`. A container that was started again, with other ports or another address, has drifted, and the parts that refer to them are told. Any other changed option, or a new image id, **reinstalls** it. What the image sets by default never counts as a change.

**Uninstall** stops the container, within its stop timeout, and removes it with its anonymous volumes; named ones stay. Where it is made anew, for whatever reason, the new container gets the anonymous volumes of the old one, with what is in them.`,
    example: `[buildout]
parts = web

[net]
recipe = docker.network
name = example-net

[web]
recipe = docker.run
name = example-web
image = busybox
init = true
command = httpd -f -p 8080 -h /srv
networks = $<net:name>
ports = 127.0.0.1::8080
tmpfs = /srv
memory = 64m
restart = unless-stopped
script =
    echo ready > /srv/index.html
wait-for = port 8080
`,
  },
  "docker.save": {
    lifecycle: `**Install** and **update** write the images to the file, whole or not at all, compressed where its name ends in \`.gz\`; again when an image has another id or the file is gone. **Uninstall** removes the file.`,
    example: `[buildout]
parts = archive

[archive]
recipe = docker.save
image = busybox
path = archive/busybox.tar.gz
`,
  },
  "docker.stage": {
    lifecycle: `**Install** runs the script in a container of its own and waits for its end; the container is removed, the stage's volume and what it printed stay as long as the part. **Update** runs it again, into an empty volume, when something that it uses has changed: its options, its image, a value, a volume or the console output of a stage that it names, the buildout's folder where it mounts \`code\`. A result that comes out the same stops there. With \`always\`, \`finally\` or \`cache = false\` it runs every time.

**A remote engine** (\`tcp://\`, \`ssh://\`, a virtual machine's socket) has not this machine's files. There \`/out\`, \`/code\` (without what tsbuildout keeps) and, with \`aws-credentials\`, \`~/.aws\` are copied into volumes that go with the container; what a stage writes there is lost. An engine at a unix socket that calls itself by this machine's name gets them mounted read-only, which costs nothing. \`host-folders\` says it where that guess is wrong. Where the folder is large, let one stage take it with \`on = code\`, and the others that stage's volume with \`vol\`. A \`/host/path\` is always one of the engine's machine, as with \`docker run\`.

**Uninstall** removes the volume.`,
    example: `[buildout]
parts = report
substitution = angle

[base]
recipe = docker.stage
img = busybox

[compile]
<= base
run =
    echo 42 > $OUT/answer
    echo compiled

[test]
<= base
vol = compile
output-files = answer /compile/answer
run = test -s /compile/answer

[report]
<= base
env = compile
after = test
run = echo "$COMPILE, and the answer is $<test:answer>"
`,
  },
  "docker.volume": {
    lifecycle: `**Install** creates the volume, or uses one of that name that is there; a new one is filled from \`layout\`. A changed option, or another recipe in the part's place, never destroys it: the run refuses and says what differs, unless \`replace = true\` or \`--replace PART\` says that the data may go. **Uninstall** removes it if this part made it, and a plan says that its data goes; \`keep = true\` leaves it. A section that gets another name hands it over, and another configuration that is without it, or \`parts\` on the command line, does not take it away. After an uninstall that failed, a part that is in the file again has its volume as it is.`,
    example: `[buildout]
parts = data

[data]
recipe = docker.volume
name = example-data
labels = purpose=example
`,
  },
};
