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

  it("says what it could not carry over", () => {
    const { notes } = fromCompose(
      lines(
        "services:",
        "  web: { image: nginx, profiles: [debug], deploy: { replicas: 3 } }",
        "secrets: { s: { file: x } }",
      ),
      "p",
    );
    expect(notes).to.deep.equal([
      "secrets: there is no such thing here",
      "services.web.profiles was not carried over",
      "services.web.deploy.replicas was not carried over",
    ]);
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
});
