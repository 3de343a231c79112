// An honest answer, and what noble says when somebody has had a hand in it.

import { ristretto255 } from '@noble/curves/ed25519.js';
import { ELEMENT_BYTES, fromBase64, pieces } from './bytes.mjs';
import { blindAll, numberInput, voprf, wire } from './oprf.mjs';
import { RegistryApi } from './registry_api.mjs';

const { Point } = ristretto255;
const IDENTITY = new Uint8Array(ELEMENT_BYTES);

/** tampering -> what noble's verification says of it, null if it is content. job: numbers, other_key (base64). */
export async function tamperings(job) {
  const api = new RegistryApi(job);
  const [generation] = (await api.parameters()).generations;
  const ask = () => honest(api, generation, job.numbers);
  const [first, second] = [await ask(), await ask()];
  return Object.fromEntries(
    Object.entries(tampered(first, second, fromBase64(job.other_key))).map(([name, answer]) => [name, verdict(answer)]),
  );
}

async function honest(api, generation, numbers) {
  const blinds = blindAll(numbers.map((e164) => numberInput(generation.input_prefix, e164)));
  const evaluation = (await api.evaluations(wire(blinds), [generation.generation])).get(generation.generation);
  return {
    blinds,
    elements: pieces(fromBase64(evaluation.evaluated), ELEMENT_BYTES),
    proof: fromBase64(evaluation.proof),
    publicKey: fromBase64(generation.public_key),
  };
}

function tampered(first, second, otherKey) {
  const { blinds, elements, proof } = first;
  const [one, two, ...rest] = elements;
  return {
    'nothing': first,
    'nothing, asked again': second,
    'one element changed': { ...first, elements: [another(one), two, ...rest] },
    'the last element changed': { ...first, elements: [...elements.slice(0, -1), another(elements.at(-1))] },
    'one element multiplied by two': { ...first, elements: [doubled(one), two, ...rest] },
    'two elements swapped': { ...first, elements: [two, one, ...rest] },
    'two changes that cancel out in a plain sum': { ...first, elements: [another(one), less(two), ...rest] },
    'one element that was not evaluated': { ...first, elements: [blinds[0].blinded, two, ...rest] },
    'another key': { ...first, publicKey: otherKey },
    "another answer's proof": { ...first, proof: second.proof },
    "another answer's elements": { ...first, elements: second.elements },
    'a changed proof': { ...first, proof: withBit(proof, 0) },
    'a shorter batch on both sides': { ...first, blinds: blinds.slice(1), elements: elements.slice(1) },
    'an answer without its last element': { ...first, elements: elements.slice(0, -1) },
    'an element cut short': { ...first, elements: [one.subarray(0, 31), two, ...rest] },
    'the identity element': { ...first, elements: [IDENTITY, two, ...rest] },
    'bytes that are no element': { ...first, elements: [withBit(one, 8 * ELEMENT_BYTES - 1), two, ...rest] },
    'a proof cut short': { ...first, proof: proof.subarray(0, 63) },
  };
}

function verdict({ blinds, elements, proof, publicKey }) {
  const items = blinds.map((one, i) => ({ ...one, evaluated: elements[i] }));
  try {
    voprf.finalizeBatch(items, publicKey, proof);
    return null;
  } catch (error) {
    return error.message;
  }
}

const another = (element) => Point.fromBytes(element).add(Point.BASE).toBytes();
const less = (element) => Point.fromBytes(element).subtract(Point.BASE).toBytes();
const doubled = (element) => Point.fromBytes(element).double().toBytes();

function withBit(bytes, bit) {
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3] ^= 1 << (bit & 7);
  return changed;
}
