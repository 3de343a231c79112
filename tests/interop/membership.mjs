// Which tags are in a generation's set. The registry sees downloads, never a comparison.

import { sha256 } from '@noble/hashes/sha2.js';
import { fromText, joined, pieces, toHex } from './bytes.mjs';

const SET_ID_BYTES = 8;

export const setId = (generation, tag) =>
  sha256(joined([fromText(`demand-registry|set|v1|${generation}|`), tag])).subarray(0, SET_ID_BYTES);

/** The ids of a download as hexadecimal text. Throws where they are not sorted, or one is there twice. */
function readIds(bytes) {
  const ids = pieces(bytes, SET_ID_BYTES);
  const rising = ids.every((id, i) => i === 0 || Buffer.compare(ids[i - 1], id) < 0);
  if (!rising) throw new Error('the ids of a set are not in rising order');
  return ids.map(toHex);
}

/** The bucket that an id belongs to: its first bits as a number, in lower-case hexadecimal. */
export function bucketOf(id, prefixBits) {
  const first = Buffer.from(id).readBigUInt64BE() >> BigInt(64 - prefixBits);
  return first.toString(16).padStart(Math.ceil(prefixBits / 4), '0');
}

/** Downloads what is needed to look these ids up: the whole set, or the buckets they are in. */
export async function download(api, generation, ids, whole) {
  const bits = generation.set.prefix_bits;
  if (whole || bits === 0) return [await fetched((etag) => api.wholeSet(generation.generation, etag))];
  const prefixes = [...new Set(ids.map((id) => bucketOf(id, bits)))];
  return Promise.all(prefixes.map((prefix) => fetchedBucket(api, generation, prefix)));
}

async function fetchedBucket(api, generation, prefix) {
  const bucket = await fetched((etag) => api.bucket(generation.generation, prefix, etag), prefix);
  const strays = bucket.ids.filter((id) => bucketOf(Buffer.from(id, 'hex'), generation.set.prefix_bits) !== prefix);
  if (strays.length) throw new Error(`${strays.length} ids of bucket ${prefix} belong to others`);
  return bucket;
}

/** Asks twice: the second time with the first answer's ETag, as a client does that keeps what it has. */
async function fetched(ask, prefix = null) {
  const { status, etag, type, caching, bytes } = await ask();
  const again = await ask(etag);
  const repeated = { again: again.status, again_bytes: again.bytes.length };
  return { ids: readIds(bytes), report: { prefix, status, etag, type, caching, bytes: bytes.length, ...repeated } };
}
