// Published vectors, computed again: the registry's own, and those of RFC 9497, appendix A.1.2.

import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js';
import { fromHex, toBase64, toHex } from './bytes.mjs';
import { setId } from './membership.mjs';
import { finalizeAll, keyPairOf, numberInput, tagOf, voprf } from './oprf.mjs';

/** seeds: generation -> hexadecimal. Answers generation -> public key in base64, for a client that is to pin them. */
export function publicKeys({ seeds, info }) {
  const keys = Object.entries(seeds).map(([number, seed]) => [number, toBase64(keyPairOf(seed, info).publicKey)]);
  return Object.fromEntries(keys);
}

/** What a published test seed makes of numbers. job: seed (hex), info, input_prefix, generation, numbers. */
export function tagVectors({ seed, info, input_prefix: prefix, generation, numbers }) {
  const { secretKey, publicKey } = keyPairOf(seed, info);
  const vectors = numbers.map((number) => {
    const output = voprf.evaluate(secretKey, numberInput(prefix, number));
    const [tag, id] = [tagOf(output), setId(generation, tagOf(output))];
    return { number, input: prefix + number, output: toHex(output), tag: toHex(tag), set_id: toHex(id) };
  });
  return { public_key: toBase64(publicKey), vectors };
}

/** Both halves of one of the RFC's vectors, under its seed, blinds and proof scalar. All values in hexadecimal. */
export function rfcVector({ seed, info, inputs, blinds, proof_random_scalar: scalar }) {
  const { secretKey, publicKey } = voprf.deriveKeyPair(fromHex(seed), fromHex(info));
  const items = inputs.map((input, i) => blindedWith(fromHex(input), blinds[i]));
  const blinded = items.map((item) => item.blinded);
  const { evaluated, proof } = voprf.blindEvaluateBatch(secretKey, publicKey, blinded, always(scalar));
  const answered = items.map((item, i) => ({ ...item, evaluated: evaluated[i] }));
  return {
    secret_key: toHex(secretKey),
    public_key: toHex(publicKey),
    blinded: blinded.map(toHex),
    evaluated: evaluated.map(toHex),
    proof: toHex(proof),
    outputs: voprf.finalizeBatch(answered, publicKey, proof).map(toHex),
  };
}

/** Verifies somebody else's evaluation of the RFC's blinded elements. evaluated, proof and public_key: base64. */
export function rfcFinalized({ inputs, blinds, evaluated, proof, public_key: publicKey }) {
  const items = inputs.map((input, i) => blindedWith(fromHex(input), blinds[i]));
  return { outputs: finalizeAll(items, { evaluated, proof }, publicKey).map(toHex) };
}

/** The server's half, for a client elsewhere to verify. seed and blinded: hexadecimal. */
export function evaluatedHere({ seed, info, blinded }) {
  const { secretKey, publicKey } = keyPairOf(seed, info);
  const { evaluated, proof } = voprf.blindEvaluateBatch(secretKey, publicKey, blinded.map(fromHex));
  return { public_key: toHex(publicKey), evaluated: evaluated.map(toHex), proof: toHex(proof) };
}

const blindedWith = (input, blind) => ({ input, ...voprf.blind(input, always(blind)) });

/** A source of randomness that makes noble choose this scalar: it takes what it is given and adds one. */
function always(scalarHex) {
  const drawn = bytesToNumberLE(fromHex(scalarHex)) - 1n;
  return (length) => numberToBytesLE(drawn, length);
}
