// The client's half of RFC 9497 (VOPRF, ristretto255-SHA512) by @noble/curves, and what a tag is made of.

import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { ELEMENT_BYTES, fromBase64, fromHex, fromText, joined, pieces, toBase64 } from './bytes.mjs';

export const voprf = ristretto255_oprf.voprf;
const TAG_BYTES = 32;

export const numberInput = (prefix, e164) => fromText(prefix + e164);
export const chainInput = (prefix, tag) => joined([fromText(prefix), tag]);
export const tagOf = (output) => output.subarray(0, TAG_BYTES);

/** One secret per input; none of it leaves this process but `blinded`. */
export const blindAll = (inputs) => inputs.map((input) => ({ input, ...voprf.blind(input) }));

export const wire = (blinds) => toBase64(joined(blinds.map((one) => one.blinded)));

/** The elements of an answer, one for each that was asked. */
export function evaluatedElements(evaluation, asked) {
  const elements = pieces(fromBase64(evaluation.evaluated), ELEMENT_BYTES);
  if (elements.length !== asked) throw new Error(`${asked} elements were sent and ${elements.length} came back`);
  return elements;
}

/** Verifies the proof under the pinned key and answers one output of 64 bytes per input. Throws if it does not hold. */
export function finalizeAll(blinds, evaluation, publicKey) {
  const elements = evaluatedElements(evaluation, blinds.length);
  const items = blinds.map((one, i) => ({ ...one, evaluated: elements[i] }));
  return voprf.finalizeBatch(items, fromBase64(publicKey), fromBase64(evaluation.proof));
}

/** A key pair from a published test seed, as the registry derives its own. */
export const keyPairOf = (seedHex, info) => voprf.deriveKeyPair(fromHex(seedHex), fromText(info));
