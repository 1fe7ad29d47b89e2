import { expect } from "chai";
import { fromCompose } from "../../../../src/cli/init/compose.js";

const lines = (...text: string[]): string => `${text.join("\n")}\n`;

const partsOf = (text: string) => /parts =\n([^#]*)#/.exec(text)?.[1]?.match(/\S+/g);

describe("init --from compose", () => {
  it("turns services, networks, volumes and builds into parts that refer to each other", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    build: { context: ./web, args: { A: '1' } }",
        "    ports: ['8080:80', { target: 443, published: 8443, protocol: tcp }]",
        "    command: ['sh', '-c', 'echo $${HOME}; sleep 1']",
        "    environment: { X: a=b, Y: null, Z: '${Z:-x y}' }",
        "    depends_on: { db: { condition: service_healthy } }",
        "  db:",
        "    image: postgres:16",
        "    volumes: ['data:/data', './conf:/conf:ro']",
        "volumes: { data: {} }",
      ),
      "shop",
    );
    expect(notes).to.deep.equal([]);
    expect(text).to.equal(
      lines(
        "[buildout]",
        "parts =",
        "    default",
        "    data",
        "    web-image",
        "    web",
        "    db",
        "# ${…} stays as it is: it belongs to the shells in the containers",
        "substitution = angle",
        "",
        "[default]",
        "recipe = docker.network",
        "name = shop_default",
        "",
        "[data]",
        "recipe = docker.volume",
        "name = shop_data",
        "keep = true",
        "",
        "[web-image]",
        "recipe = docker.build",
        "name = shop-web",
        "source = ./web",
        "build-args = A=1",
        "",
        "[web]",
        "recipe = docker.run",
        "image = $<web-image:image>",
        "command = sh -c 'echo ${HOME}; sleep 1'",
        "env =",
        "    X=a=b",
        "    Y",
        "    Z=$<env:Z|x y>",
        "ports =",
        "    8080:80",
        "    8443:443/tcp",
        "networks = $<default:name>",
        "network-aliases = web",
        "=> db",
        "",
        "[db]",
        "recipe = docker.run",
        "image = postgres:16",
        "volumes =",
        "    $<data:name>:/data",
        "    ./conf:/conf:ro",
        "networks = $<default:name>",
        "network-aliases = db",
        "wait-for = healthy",
      ),
    );
  });

  it("carries over limits of block devices, options of the storage and annotations", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  app:",
        "    image: app",
        "    blkio_config:",
        "      weight: 300",
        "      weight_device: [{ path: /dev/sda, weight: 400 }]",
        "      device_read_bps: [{ path: /dev/sdb, rate: 12mb }]",
        "      device_write_iops: [{ path: /dev/sdb, rate: 30 }, { path: /dev/sdc, rate: 40 }]",
        "    storage_opt: { size: 1G }",
        "    annotations: [a=b]",
      ),
      "shop",
    );
    expect(notes).to.deep.equal([]);
    expect(text).to.contain(
      lines(
        "storage-options = size=1G",
        "annotations = a=b",
        "blkio-weight = 300",
        "blkio-weight-device = /dev/sda:400",
        "device-read-bps = /dev/sdb:12mb",
        "device-write-iops =",
        "    /dev/sdb:30",
        "    /dev/sdc:40",
      ),
    );
  });

  it("carries over all that a build may say", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  app:",
        "    image: shop/app:1",
        "    platform: linux/arm64",
        "    pull_policy: build",
        "    build:",
        "      context: .",
        "      dockerfile: docker/Dockerfile",
        "      target: final",
        "      additional_contexts: [base=service:base, db=service:db, docs=../docs]",
        "      secrets: [token, { source: key, target: id_key }, cloud]",
        "      ssh: [default]",
        "      ulimits: { nofile: { soft: 1024, hard: 2048 }, nproc: 64 }",
        "      entitlements: [network.host]",
        "      privileged: true",
        "      no_cache_filter: [final]",
        "      isolation: default",
        "      provenance: mode=max",
        "      sbom: true",
        "  base:",
        "    build: { context: base, args: [A=1], platforms: [linux/amd64] }",
        "  db: { image: 'postgres:16' }",
        "secrets:",
        "  token: { environment: TOKEN }",
        "  key: { file: ./key }",
        "  cloud: { external: true }",
      ),
      "shop",
    );
    expect(notes).to.deep.equal(["services.app.build.secrets: cloud is neither a file nor a variable"]);
    const section = (name: string): string => text.split(`[${name}]\n`)[1]?.split("\n\n[")[0] ?? "";
    expect(`${section("app-image")}\n`).to.equal(
      lines(
        "recipe = docker.build",
        "name = shop/app:1",
        "source = .",
        "dockerfile = docker/Dockerfile",
        "target = final",
        "isolation = default",
        "provenance = mode=max",
        "sbom = true",
        "no-cache-filter = final",
        "ssh = default",
        "platform = linux/arm64",
        "ulimits =",
        "    nofile=1024:2048",
        "    nproc=64",
        "allow =",
        "    network.host",
        "    security.insecure",
        "build-contexts =",
        "    base=docker-image://$<base-image:image>",
        "    db=docker-image://postgres:16",
        "    docs=../docs",
        "secrets =",
        "    id=token,env=TOKEN",
        "    id=id_key,src=./key",
      ),
    );
    expect(section("base-image")).to.contain("build-args = A=1\nplatform = linux/amd64");
    expect(section("app")).not.to.contain("pull-policy");
  });

  it("says what it could not carry over", () => {
    const { notes } = fromCompose(
      lines(
        "services:",
        "  web: { image: nginx, deploy: { replicas: 3 }, secrets: [s], networks: { n: { priority: 1 } } }",
        "networks: { n: }",
        "secrets: { s: { environment: X } }",
        "include: [x]",
        "models: {}",
      ),
      "p",
    );
    expect(notes).to.deep.equal([
      "include was not carried over: docker compose config --no-interpolate --no-path-resolution > FILE makes one file of all; take that",
      "models: there is no such thing here",
      "services.web.secrets: s was not carried over: it is no file; write it into one and mount that",
      "services.web.networks.n.priority was not carried over",
      "services.web.deploy.replicas was not carried over",
    ]);
  });

  it("carries over files of variables, mounts of every kind, addresses and limits", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    image: x",
        "    env_file: [web.env, { path: local.env, required: false }]",
        "    volumes:",
        "      - { type: volume, source: data, target: /data, volume: { nocopy: true } }",
        "      - { type: tmpfs, target: /run, tmpfs: { size: 1000 } }",
        "      - { type: bind, source: /a, target: /b, bind: { create_host_path: true } }",
        "    tmpfs: /scratch",
        "    secrets: [pw, { source: pw, target: other }]",
        "    configs: [conf]",
        "    networks: { front: { ipv4_address: 10.1.0.9 } }",
        "    deploy: { replicas: 1, placement: {}, resources: { reservations: { memory: 16M } } }",
        "networks: { front: { ipam: { config: [{ subnet: 10.1.0.0/24 }] } } }",
        "volumes: { data: }",
        "secrets: { pw: { file: secrets/pw } }",
        "configs: { conf: { file: ./conf } }",
      ),
      "p",
    );
    expect(notes).to.deep.equal([]);
    expect(text.slice(text.indexOf("[web]"))).to.equal(
      lines(
        "[web]",
        "recipe = docker.run",
        "image = x",
        "env-file =",
        "    web.env",
        "    ? local.env",
        "tmpfs =",
        "    /scratch",
        "    /run:size=1000",
        "volumes =",
        "    $<data:name>:/data:nocopy",
        "    /a:/b",
        "    ./secrets/pw:/run/secrets/pw:ro",
        "    ./secrets/pw:/run/secrets/other:ro",
        "    ./conf:/conf:ro",
        "networks = $<front:name> ip=10.1.0.9",
        "network-aliases = web",
        "memory-reservation = 16M",
      ),
    );
  });

  it("means another service by its container where a name space is shared", () => {
    const { text } = fromCompose(
      lines(
        "services:",
        "  app: { image: x, ipc: shareable }",
        "  side: { image: x, network_mode: 'service:app', pid: 'service:app', ipc: 'service:app' }",
      ),
      "p",
    );
    expect(text).to.contain("ipc = shareable\n");
    for (const option of ["network-mode", "pid", "ipc"])
      expect(text).to.contain(`${option} = container:$<app:name>\n`);
  });

  it("checks health as Compose does: with a shell, without one, or not at all", () => {
    const { text } = fromCompose(
      lines(
        "services:",
        "  a: { image: x, healthcheck: { test: 'curl -f http://localhost || exit 1' } }",
        "  b: { image: x, healthcheck: { test: [CMD-SHELL, 'pg_isready -U $$POSTGRES_USER'] } }",
        "  c: { image: x, healthcheck: { test: [CMD, /check, 'a b'] } }",
        "  d: { image: x, healthcheck: { test: [NONE] } }",
        "  e: { image: x, healthcheck: { disable: true } }",
      ),
      "p",
    );
    expect(text.match(/^healthcheck-.*$/gm)).to.deep.equal([
      "healthcheck-command = curl -f http://localhost || exit 1",
      "healthcheck-command = pg_isready -U $POSTGRES_USER",
      'healthcheck-command = ["/check","a b"]',
      "healthcheck-command = NONE",
      "healthcheck-command = NONE",
    ]);
  });

  it("leaves out a variable of several lines, of which each would be one, and says so", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    image: x",
        "    environment:",
        "      KEY: |",
        "        -----BEGIN-----",
        "        PATH",
        "      ONE: |",
        "        line",
      ),
      "p",
    );
    expect(notes).to.deep.equal([
      "environment KEY of [web] was not carried over: it has several lines; NAME='…' in a file of env-file may have them",
    ]);
    expect(text).to.contain("\nenv = ONE=line\n");
  });

  it("says paths from the buildout file's folder, where the Compose file is in another", () => {
    const { text } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    build:",
        "      context: .",
        "      additional_contexts: [docs=../docs, base=docker-image://busybox]",
        "      secrets: [key]",
        "    env_file: [web.env, /etc/web.env]",
        "    volumes: ['./data:/data', '../up:/up:ro', '.:/src', '/abs:/abs', 'named:/named', '~/home:/home', { type: bind, source: conf, target: /conf }]",
        "    secrets: [key]",
        "  far: { build: { context: 'https://example.org/repo.git' } }",
        "volumes: { named: }",
        "secrets: { key: { file: key } }",
      ),
      "p",
      { folder: "deploy" },
    );
    const start = text.indexOf("[web-image]");
    expect(text.slice(start)).to.equal(
      lines(
        "[web-image]",
        "recipe = docker.build",
        "name = p-web",
        "source = ./deploy",
        "build-contexts =",
        "    docs=./docs",
        "    base=docker-image://busybox",
        "secrets = id=key,src=./deploy/key",
        "",
        "[web]",
        "recipe = docker.run",
        "image = $<web-image:image>",
        "env-file =",
        "    ./deploy/web.env",
        "    /etc/web.env",
        "volumes =",
        "    ./deploy/data:/data",
        "    ./up:/up:ro",
        "    ./deploy:/src",
        "    /abs:/abs",
        "    $<named:name>:/named",
        "    ~/home:/home",
        "    ./deploy/conf:/conf",
        "    ./deploy/key:/run/secrets/key:ro",
        "networks = $<default:name>",
        "network-aliases = web",
        "",
        "[far-image]",
        "recipe = docker.build",
        "name = p-far",
        "source = https://example.org/repo.git",
        "",
        "[far]",
        "recipe = docker.run",
        "image = $<far-image:image>",
        "networks = $<default:name>",
        "network-aliases = far",
      ),
    );
  });

  it("leaves services with profiles out of the parts of a whole run", () => {
    const { text, notes } = fromCompose(
      lines("services:", "  web: { image: x }", "  tool: { image: x, profiles: [debug] }"),
      "p",
    );
    expect(text)
      .to.match(/^\[buildout\]\nparts =\n {4}default\n {4}web\n#/)
      .and.contain("[tool]\n");
    expect(notes).to.deep.equal(["tool has profiles: tsbuildout install tool"]);
  });

  it("builds for a service with profiles only when that is asked for, and takes COMPOSE_PROFILES as asked", () => {
    const yaml = lines(
      "x-app: &app { build: ./app, image: app }",
      "services:",
      "  web: *app",
      "  jobs: { <<: *app, profiles: [jobs] }",
      "  tool: { build: ./tool, profiles: [debug] }",
    );
    expect(partsOf(fromCompose(yaml, "p").text)).to.deep.equal(["default", "web-image", "web"]);
    const { text, notes } = fromCompose(yaml, "p", { profiles: ["debug"] });
    expect(partsOf(text)).to.deep.equal(["default", "web-image", "web", "tool-image", "tool"]);
    expect(notes).to.deep.equal(["jobs has profiles: tsbuildout install jobs"]);
  });

  it("makes the default network also where it is only named", () => {
    const { text } = fromCompose(
      lines("services: { db: { image: x, networks: [default, back] } }", "networks: { back: }"),
      "p",
    );
    expect(text).to.contain("[default]\nrecipe = docker.network\nname = p_default\n");
    expect(text).to.contain("networks =\n    $<default:name>\n    $<back:name>\n");
  });

  it("keeps parts of one name apart, where Compose has a name space a kind", () => {
    const { text } = fromCompose(
      lines(
        "services: { db: { image: x, volumes: ['db:/d'], networks: [db] } }",
        "volumes: { db: }",
        "networks: { db: }",
      ),
      "p",
    );
    expect(text).to.contain("[db]\nrecipe = docker.run\n");
    expect(text).to.contain("[db-volume]\nrecipe = docker.volume\nname = p_db\n");
    expect(text).to.contain("[db-network]\nrecipe = docker.network\nname = p_db\n");
    expect(text).to.contain("volumes = $<db-volume:name>:/d\n");
  });

  it("builds once what several services build alike under one name", () => {
    const { text, notes } = fromCompose(
      lines(
        "x-app: &app { image: 'shop/app:${TAG:-1}', build: { context: ., args: { A: 1 } } }",
        "services:",
        "  web: { <<: *app, command: serve }",
        "  worker: { <<: *app, command: work }",
        "  other: { image: 'shop/app:${TAG:-1}', build: { context: ., args: { A: 2 }, additional_contexts: [b=service:worker] } }",
        "  own: { build: . }",
        "  own2: { build: . }",
      ),
      "p",
    );
    expect(notes).to.deep.equal([]);
    expect(text.match(/^\[.*-image\]$/gm)).to.deep.equal([
      "[web-image]",
      "[other-image]",
      "[own-image]",
      "[own2-image]",
    ]);
    expect(text.match(/^image = .*$/gm)).to.deep.equal([
      "image = $<web-image:image>",
      "image = $<web-image:image>",
      "image = $<other-image:image>",
      "image = $<own-image:image>",
      "image = $<own2-image:image>",
    ]);
    expect(text).to.contain("build-contexts = b=docker-image://$<web-image:image>\n");
  });

  it("calls what is external by its own name, and a service by its aliases only where Compose does", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    image: x",
        "    volumes: ['kept:/a', 'old:/b:ro', 'same:/c', { type: volume, source: kept, target: /d }]",
        "    networks: { outer: { aliases: [app, app.local] }, back: , old: }",
        "networks:",
        "  outer: { external: true, name: edge }",
        "  old: { external: { name: first } }",
        "  back:",
        "volumes:",
        "  kept: { external: true, name: archive }",
        "  old: { external: { name: attic } }",
        "  same: { external: true }",
      ),
      "p",
    );
    expect(notes).to.deep.equal([]);
    expect(text.slice(text.indexOf("[web]"))).to.equal(
      lines(
        "[web]",
        "recipe = docker.run",
        "image = x",
        "volumes =",
        "    archive:/a",
        "    attic:/b:ro",
        "    same:/c",
        "    archive:/d",
        "networks =",
        "    edge alias=app,app.local",
        "    $<back:name>",
        "    first",
        "network-aliases = web",
      ),
    );
  });

  it("refers to a section of fallbacks where a reference has no words for Compose's, and leaves extends to Compose", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    extends: { service: base }",
        "    image: ${D:-${E:-f}}",
        "    environment: { A: '${B:+x}', C: '${D:-${E:-f}}', G: '${H-a>b}', I: '${J:-k}', L: '${D:-$E}', M: '${N:-$$2a$5}' }",
        "    healthcheck: { test: [CMD, 'true'], start_interval: 1s }",
      ),
      "p",
    );
    expect(notes).to.deep.equal([
      "services.web.extends was not carried over: docker compose config --no-interpolate --no-path-resolution > FILE makes one file of all; take that",
    ]);
    expect(text).to.contain(
      lines(
        "[fallbacks]",
        "D = $<env:E|f>",
        "B =",
        "H = a>b",
        "D-2 = $<env:E|>",
        "",
        "[fallbacks:env.D]",
        "D = $<env:D>",
        "D-2 = $<env:D>",
        "",
        "[fallbacks:env.B]",
        "B = x",
        "",
        "[fallbacks:env.H]",
        "H = $<env:H>",
      ),
    );
    expect(text).to.contain(
      lines(
        "image = $<fallbacks:D>",
        "env =",
        "    A=$<fallbacks:B>",
        "    C=$<fallbacks:D>",
        "    G=$<fallbacks:H>",
        "    I=$<env:J|k>",
        "    L=$<fallbacks:D-2>",
        "    M=$<env:N|$2a$5>",
        'healthcheck-command = ["true"]',
        "healthcheck-start-interval = 1s",
      ),
    );
  });

  it("calls the project as the environment does, before the file, and puts the name where the file asks for it", () => {
    const yaml = lines("name: own", "services: { web: { image: '${COMPOSE_PROJECT_NAME:-x}/app' } }");
    expect(fromCompose(yaml, "folder").text).to.contain("image = own/app").and.contain("name = own_default");
    const { text } = fromCompose(yaml, "folder", { projectName: "asked" });
    expect(text).to.contain("image = asked/app").and.contain("name = asked_default");
  });

  it("keeps every digit of an integer, and takes as many aliases as the file has", () => {
    const services = Array.from({ length: 150 }, (_, at) => `  s${at}: { <<: *base }`);
    const { text } = fromCompose(
      lines(
        "x-env: &env { MAX: 9223372036854775807, MIN: -5 }",
        "x-base: &base { image: x, environment: { <<: *env } }",
        "services:",
        ...services,
      ),
      "p",
    );
    expect(text.split("    MAX=9223372036854775807\n    MIN=-5\n")).to.have.length(151);
  });

  it("reserves GPUs, in either of Compose's words", () => {
    const { text, notes } = fromCompose(
      lines(
        "x-gpu: &gpu { driver: nvidia, count: 2, capabilities: [gpu] }",
        "services:",
        "  a: { image: x, deploy: { resources: { reservations: { devices: [*gpu] } } } }",
        "  b: { image: x, deploy: { resources: { reservations: { devices: [{ capabilities: [gpu, utility, video], device_ids: ['0', '3'] }] } } } }",
        "  c: { image: x, gpus: all }",
        "  d: { image: x, gpus: [{ count: -1, driver: nvidia }] }",
        "  e: { image: x, deploy: { resources: { reservations: { devices: [{ capabilities: [tpu], count: 1 }] } } } }",
      ),
      "p",
    );
    expect(text.match(/^gpus.*$/gm)).to.deep.equal([
      "gpus = 2,driver=nvidia",
      'gpus = "device=0,3","capabilities=utility,video"',
      "gpus = all",
      "gpus = all,driver=nvidia",
    ]);
    expect(notes).to.deep.equal([
      "services.e: of its devices only one entry of GPUs can be carried over, as gpus",
    ]);
  });

  it("means containers of services in links and volumes_from, and starts again as deploy says", () => {
    const { text } = fromCompose(
      lines(
        "services:",
        "  db: { image: x, container_name: shop-db, deploy: { restart_policy: { condition: on-failure, max_attempts: 3 } } }",
        "  web:",
        "    image: x",
        "    expose: ['80', 90]",
        "    links: [db, 'db:data']",
        "    volumes_from: ['db:ro', 'container:old']",
        "    deploy: { restart_policy: { condition: none } }",
        "  job: { image: x, restart: always, deploy: { restart_policy: { condition: none } } }",
      ),
      "p",
    );
    expect(text).to.contain("links =\n    $<db:name>:db\n    $<db:name>:data\n");
    expect(text).to.contain("volumes-from =\n    $<db:name>:ro\n    old\n");
    expect(text).to.contain("expose =\n    80\n    90\n");
    expect(text.match(/^restart.*$/gm)).to.deep.equal([
      "restart = on-failure:3",
      "restart = no",
      "restart = always",
    ]);
  });

  it("mounts images, folders of volumes, and what Compose's own config makes of :z and :rslave", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    image: x",
        "    volumes:",
        "      - { type: image, source: 'nginx:alpine', target: /i, image: { subpath: etc } }",
        "      - { type: volume, source: data, target: /d, volume: { subpath: a, nocopy: true }, read_only: true }",
        "      - { type: bind, source: /, target: /host, read_only: true, bind: { propagation: rslave, selinux: z } }",
        "      - { type: volume, source: data, target: /e, volume: { labels: { a: b } } }",
        "volumes: { data: { external: false } }",
      ),
      "p",
    );
    expect(text).to.contain("volumes =\n    /:/host:ro,z,rslave\n    $<data:name>:/e\n");
    expect(text).to.contain(
      lines(
        "mounts =",
        "    type=image,source=nginx:alpine,target=/i,image-subpath=etc",
        "    type=volume,source=$<data:name>,target=/d,volume-subpath=a,volume-nocopy,readonly",
      ),
    );
    expect(notes).to.deep.equal(["services.web.volumes.volume.labels was not carried over"]);
  });

  it("gives a service of one letter a name that a container can have, and says which env files it would read otherwise", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  a: { image: x, env_file: [{ path: a.env, format: raw }, { path: b.env, required: false }] }",
      ),
      "shop",
    );
    expect(text).to.contain("[a]\nrecipe = docker.run\nname = shop-a\n").and.contain("network-aliases = a\n");
    expect(notes).to.deep.equal(["services.a.env_file.format was not carried over"]);
  });

  it("keeps a variable of a command's list one word, whatever is in it", () => {
    const { text } = fromCompose(
      lines(
        "services:",
        "  a1: { image: x, command: [redis-server, --requirepass, '${PASS}', '--save=$S', ''] }",
      ),
      "p",
    );
    expect(text).to.contain("command = redis-server --requirepass '$<env:PASS|>' '--save=$<env:S|>' ''\n");
  });

  it("keeps a carriage return of a health check, and leaves out a pull policy that is none here", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web: { image: x, pull_policy: daily, healthcheck: { test: \"printf 'a\\r\\n'\" } }",
      ),
      "p",
    );
    expect(text).to.contain(String.raw`healthcheck-command = ["/bin/sh","-c","printf 'a\r\n'"]`);
    expect(notes).to.deep.equal([
      "services.web.pull_policy was not carried over: there are always, missing and never",
    ]);
  });
});
