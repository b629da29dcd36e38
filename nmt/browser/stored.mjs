// A TFLite model whose matrices are stored in int8, each row with its scale: see nmt/export/stored_in_int8.py.

const MAGIC = "nmt8";

/** The model that runs, from the bytes that are stored; other bytes are a model already. */
function runnable(bytes) {
  const text = (from, to) => new TextDecoder().decode(bytes.subarray(from, to));
  if (text(0, MAGIC.length) !== MAGIC) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const begin = MAGIC.length + 4;
  const length = view.getUint32(MAGIC.length, true);
  const { size, matrices } = JSON.parse(text(begin, begin + length));
  const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
  let scale = begin + length;
  let weight = scale + 4 * sum(matrices.map(([, rows]) => rows));
  let rest = weight + sum(matrices.map(([, rows, columns]) => rows * columns));
  const found = new Uint8Array(size);
  const written = new DataView(found.buffer);
  let position = 0;
  for (const [place, rows, columns] of matrices) {
    found.set(bytes.subarray(rest, rest + place - position), position);
    rest += place - position;
    position = place;
    for (let row = 0; row < rows; row++, scale += 4) {
      const factor = view.getFloat32(scale, true);
      for (let column = 0; column < columns; column++, weight++, position += 4) {
        written.setFloat32(position, view.getInt8(weight) * factor, true);
      }
    }
  }
  found.set(bytes.subarray(rest), position);
  return found;
}

export { runnable };
