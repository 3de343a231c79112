// Batches that the registry must refuse as a whole, naming the element that is none.

import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ristretto255 } from '@noble/curves/ed25519.js';
import { ELEMENT_BYTES, fromHex, fromText, joined, toBase64 } from './bytes.mjs';
import { voprf } from './oprf.mjs';
import { Problem, RegistryApi } from './registry_api.mjs';

const MOST_ELEMENTS = 1000;
const IDENTITY = new Uint8Array(ELEMENT_BYTES);

/** What is said of bodies that hold no batch, or one at the limits: name -> refusal, null for what is evaluated. */
export async function refusedBatches(job) {
  const api = new RegistryApi(job);
  const [one, two] = [element(), element()];
  const many = Array(MOST_ELEMENTS).fill(one);
  const blinded = {
    'no element': '',
    'a thousand and one elements': toBase64(joined([...many, two])),
    'a byte too few': toBase64(joined([one, two.subarray(1)])),
    'a byte too many': toBase64(joined([one, two, Uint8Array.of(0)])),
    'one byte': toBase64(Uint8Array.of(7)),
    'no base64': '*'.repeat(44),
    'one element': toBase64(one),
    'a thousand elements': toBase64(joined(many)),
    'the identity as the last of a thousand': toBase64(joined([...many.slice(1), IDENTITY])),
    'two elements that are none': toBase64(joined([one, IDENTITY, two, IDENTITY])),
  };
  const refusals = {};
  for (const [name, value] of Object.entries(blinded)) refusals[name] = await refusal(api, { blinded: value });
  refusals['no purpose'] = await refusal(api, { blinded: toBase64(one), purpose: undefined });
  refusals['no blinded'] = await refusal(api, {});
  refusals['a generation that never was'] = await refusal(api, { blinded: toBase64(one), generations: [30_000] });
  return refusals;
}

/** What is said of a batch with one encoding that is no element: name -> refusal, its place, and what noble says. */
export async function refusedElements(job) {
  const api = new RegistryApi(job);
  const refusals = {};
  for (const [name, bytes] of Object.entries(await badEncodings())) {
    const place = randomInt(4);
    const blinded = Array.from({ length: 4 }, (_, i) => (i === place ? bytes : element()));
    const refused = await refusal(api, { blinded: toBase64(joined(blinded)) });
    refusals[name] = { ...refused, place, noble_refuses: !isElement(bytes) };
  }
  return refusals;
}

/** What is said of generations that are asked for by number: generation -> refusal, null where it is evaluated. */
export async function askedGenerations(job) {
  const api = new RegistryApi(job);
  const refusals = {};
  for (const generation of job.generations) {
    refusals[generation] = await refusal(api, { blinded: toBase64(element()), generations: [generation] });
  }
  return refusals;
}

const element = () => voprf.blind(fromText('anything')).blinded;

/** All of RFC 9496, appendix A.2, and more of the same kinds. */
async function badEncodings() {
  const published = JSON.parse(await readFile(new URL('rfc9496_bad_encodings.json', import.meta.url)));
  const named = Object.entries(published).flatMap(([why, encodings]) =>
    encodings.map((hex, i) => [`${why} ${i + 1}`, fromHex(hex)]),
  );
  const valid = element();
  return {
    ...Object.fromEntries(named),
    'the identity': IDENTITY,
    'an element with its highest bit set': Uint8Array.from(valid, (byte, i) => (i === 31 ? byte | 0x80 : byte)),
    'the field prime and two': littleEndian(2n ** 255n - 19n + 2n),
    'the identity with its highest bit set': littleEndian(2n ** 255n),
    'an element in its other byte order': backwards(),
    'only ones': new Uint8Array(ELEMENT_BYTES).fill(0xff),
  };
}

/** An element's bytes the wrong way round. One in sixteen would be an element again, so those are passed over. */
function backwards() {
  for (;;) {
    const bytes = element().reverse();
    if (!isElement(bytes)) return bytes;
  }
}

function littleEndian(value) {
  return Uint8Array.from({ length: ELEMENT_BYTES }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function isElement(bytes) {
  try {
    return !ristretto255.Point.fromBytes(bytes).equals(ristretto255.Point.ZERO);
  } catch {
    return false;
  }
}

/** null where the request was answered. */
async function refusal(api, fields) {
  try {
    await api.post('/v1/private/evaluations', { purpose: api.purpose, ...fields });
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { status: error.status, code: error.body.code, errors: error.body.errors };
  }
}
