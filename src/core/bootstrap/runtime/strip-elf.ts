/**
 * Returns an executable without its symbols and section table, which only debuggers and linkers read: what the program
 * headers do not load is at the end of the file. Works for every 64-bit architecture; other files are returned unchanged.
 */
export const stripElf = (file: Buffer): Buffer => {
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) return file;
  const headers = Number(file.readBigUInt64LE(PROGRAM_HEADERS));
  const size = file.readUInt16LE(PROGRAM_HEADER_SIZE);
  const count = file.readUInt16LE(PROGRAM_HEADER_COUNT);
  let end = headers + size * count;
  for (let at = headers; at < headers + size * count; at += size) {
    const offset = Number(file.readBigUInt64LE(at + SEGMENT_OFFSET));
    end = Math.max(end, offset + Number(file.readBigUInt64LE(at + SEGMENT_SIZE)));
  }
  const stripped = Buffer.from(file.subarray(0, end));
  stripped.writeBigUInt64LE(0n, SECTION_HEADERS);
  stripped.writeUInt16LE(0, SECTION_HEADER_COUNT);
  stripped.writeUInt16LE(0, SECTION_NAMES);
  return stripped;
};

/** ELF, 64 bits, little-endian. */
const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);

// Offsets in the header of the file, and in a program header.
const PROGRAM_HEADERS = 0x20;
const SECTION_HEADERS = 0x28;
const PROGRAM_HEADER_SIZE = 0x36;
const PROGRAM_HEADER_COUNT = 0x38;
const SECTION_HEADER_COUNT = 0x3c;
const SECTION_NAMES = 0x3e;
const SEGMENT_OFFSET = 0x08;
const SEGMENT_SIZE = 0x20;
