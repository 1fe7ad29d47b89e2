/** The instruction that puts a value into a register. */
const move = (register: number, value: number): number => 0xd2800000 + (value << 5) + register;

/** A static program for Linux on arm64 that reads its input, writes a text to its standard output and ends with 0. It
 *  reads because podman loses what a program has written that leaves input behind. */
export function arm64Program(text: string): Buffer {
  const message = Buffer.from(text);
  const call = 0xd4000001;
  // while (read(0, below the stack, 64) > 0); write(1, message, length); exit(0). The message lies behind.
  const code = [
    move(0, 0),
    0xd10103e1,
    move(2, 64),
    move(8, 63),
    call,
    0xf100001f,
    0x54ffff4c,
    move(0, 1),
    0x100000e1,
    move(2, message.length),
    move(8, 64),
    call,
    move(0, 0),
    move(8, 93),
    call,
  ];
  const headers = 64 + 56;
  const file = Buffer.alloc(headers + code.length * 4);
  const address = 0x400000;
  file.write("\x7fELF\x02\x01\x01", "latin1");
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(183, 18); // for AArch64
  file.writeUInt32LE(1, 20);
  file.writeUInt32LE(address + headers, 24); // where it starts
  file.writeUInt32LE(64, 32); // where its one segment is described
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // to be loaded,
  file.writeUInt32LE(5, 68); // read and run,
  file.writeUInt32LE(address, 80); // there
  file.writeUInt32LE(address, 88);
  file.writeUInt32LE(file.length + message.length, 96);
  file.writeUInt32LE(file.length + message.length, 104);
  file.writeUInt32LE(0x1000, 112);
  code.forEach((instruction, at) => file.writeUInt32LE(instruction, headers + at * 4));
  return Buffer.concat([file, message]);
}
