/** A buffer that grows and is filled from its start. `bytes` and `view` are replaced whenever it grows. */
export class ByteSink {
  bytes: Buffer;
  view: DataView;
  /** Where the next byte goes. */
  length = 0;

  constructor(memory: ArrayBuffer) {
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
  }

  /** Makes sure that `more` bytes fit behind `length`. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const memory = new ArrayBuffer(Math.max(needed, this.bytes.length * 2));
    const bytes = Buffer.from(memory);
    this.bytes.copy(bytes, 0, 0, this.length);
    this.bytes = bytes;
    this.view = new DataView(memory);
  }

  /** The memory itself, for a transfer: the sink must not be used afterwards. */
  get memory(): ArrayBuffer {
    const { buffer } = this.bytes;
    if (!(buffer instanceof ArrayBuffer)) throw new TypeError('A sink has memory of its own.');
    return buffer;
  }
}
