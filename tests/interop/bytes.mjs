// Bytes as the API writes them: base64 in JSON, group elements end to end.

export const ELEMENT_BYTES = 32;

export const fromText = (text) => new TextEncoder().encode(text);
export const fromBase64 = (text) => new Uint8Array(Buffer.from(text, 'base64'));
export const toBase64 = (bytes) => Buffer.from(bytes).toString('base64');
export const fromHex = (text) => new Uint8Array(Buffer.from(text, 'hex'));
export const toHex = (bytes) => Buffer.from(bytes).toString('hex');
export const joined = (parts) => new Uint8Array(Buffer.concat(parts));

export function pieces(bytes, size) {
  if (bytes.length % size !== 0) throw new Error(`${bytes.length} bytes are no multiple of ${size}`);
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}
