/** What `tsbuildout init` writes: a file that plans as it stands, and says what to change. */
export const NEW_FILE = `# What tsbuildout keeps on a Docker engine. Each section with a recipe is a part.
#
#   tsbuildout            brings all of it into being, and later in line with this file
#   tsbuildout plan       says what would be done, and why
#   tsbuildout status     shows what is there
#   tsbuildout uninstall --all
#
# tsbuildout recipes lists the recipes; tsbuildout recipes docker.run prints the options of one.

[buildout]
parts = web

# The engine is the one that DOCKER_HOST, the docker context or the default socket names.
# engine-url = ssh://me@host

[data]
recipe = docker.volume
# A volume is never destroyed because an option changed; with keep it also stays when this section goes.
keep = true

[front]
recipe = docker.network

[web]
recipe = docker.run
image = nginx:stable
# $<part:option> is another part's option or output; it also says that this part needs that one.
networks = $<front:name>
volumes = $<data:name>:/usr/share/nginx/html
ports = 127.0.0.1:8080:80
restart = unless-stopped
`;
