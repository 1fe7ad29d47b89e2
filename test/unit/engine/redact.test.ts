import { expect } from "chai";
import { Redactor } from "../../../src/engine/redact.js";

describe("the redactor", () => {
  it("replaces a secret wherever it stands in an event, and leaves the rest and the keys", () => {
    const redactor = new Redactor();
    redactor.add("hunter22");
    const event = { part: "hunter22", list: ["a hunter22 b", 1, null], deep: { hunter22: "xhunter22x" } };
    expect(redactor.value(event)).to.deep.equal({
      part: "***",
      list: ["a *** b", 1, null],
      deep: { hunter22: "x***x" },
    });
  });

  it("knows a secret in base64 wherever it begins, in a URL, and inside JSON", () => {
    const redactor = new Redactor();
    redactor.add('pa"ss word/1');
    for (const before of ["", "u", "us", "user:"]) {
      const text = Buffer.from(`${before}pa"ss word/1`).toString("base64");
      expect(redactor.text(text), before).to.contain("***").and.not.equal(text);
    }
    expect(redactor.text(`https://u:${encodeURIComponent('pa"ss word/1')}@host`)).to.equal(
      "https://u:***@host",
    );
    expect(redactor.text(JSON.stringify({ p: 'pa"ss word/1' }))).to.equal('{"p":"***"}');
  });

  it("knows each line of a secret of several lines", () => {
    const redactor = new Redactor();
    redactor.add("-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----\n");
    expect(redactor.text("it says abcdefgh today")).to.equal("it says *** today");
  });

  it("knows a secret of several lines in base64 also without the line end that a file has behind it", () => {
    const redactor = new Redactor();
    redactor.add("one line\nanother line\n");
    expect(redactor.text(Buffer.from("one line\nanother line").toString("base64"))).to.match(/^\*\*\*=*$/);
  });

  it("knows a secret in the base64 of addresses, which has other signs", () => {
    const redactor = new Redactor();
    const secret = ">>>???>>>???";
    redactor.add(secret);
    expect(Buffer.from(secret).toString("base64")).to.match(/[+/]/);
    expect(redactor.text(Buffer.from(secret).toString("base64url"))).to.equal("***");
  });

  it("replaces the longer of two secrets whole", () => {
    const redactor = new Redactor();
    redactor.add("secret");
    redactor.add("secret-and-more");
    expect(redactor.text("secret-and-more")).to.equal("***");
  });

  it("does not blot out texts for a secret of a letter or two", () => {
    const redactor = new Redactor();
    redactor.add("a");
    redactor.add("");
    expect(redactor.text("a banana")).to.equal("a banana");
  });
});
