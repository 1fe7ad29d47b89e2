import { expect } from "chai";
import { fromCompose } from "../../../../src/cli/init/compose.js";

const lines = (...text: string[]): string => `${text.join("\n")}\n`;

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
      "include was not carried over: docker compose config --no-interpolate > FILE makes one file of all; take that",
      "models: there is no such thing here",
      "services.web.secrets: s is no file",
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
    expect(notes).to.deep.equal(["environment KEY of [web] was not carried over: it has several lines"]);
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
      "deploy",
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

  it("says which variables it leaves as they are, and that Compose itself carries out extends", () => {
    const { text, notes } = fromCompose(
      lines(
        "services:",
        "  web:",
        "    extends: { service: base }",
        "    environment: { A: '${B:+x}', C: '${D:-${E:-f}}', G: '${H-a>b}', I: '${J:-k}', L: '${C:-${E}}' }",
        "    healthcheck: { test: [CMD, 'true'], start_interval: 1s }",
        "  base: { image: x }",
      ),
      "p",
    );
    const why = "stays as it is: a fallback here holds neither a variable nor a >, and there is no :+";
    expect(notes).to.deep.equal([
      ...["B", "D", "H", "C"].map((name) => `\${${name}…} ${why}`),
      "services.web.extends was not carried over: docker compose config --no-interpolate > FILE makes one file of all; take that",
    ]);
    expect(text).to.contain(
      lines(
        "env =",
        "    A=${B:+x}",
        "    C=${D:-${E:-f}}",
        "    G=${H-a>b}",
        "    I=$<env:J|k>",
        "    L=${C:-${E}}",
        'healthcheck-command = ["true"]',
        "healthcheck-start-interval = 1s",
      ),
    );
  });
});
