// From numbers to tags under every active generation: blinded, evaluated by the registry, verified, unblinded.

import { blindAll, chainInput, finalizeAll, numberInput, tagOf, wire } from './oprf.mjs';

/** What the registry calls its key today must be what it was when it was pinned. pinned: generation -> base64. */
export function verifyPins(generations, pinned) {
  for (const step of generations.flatMap((one) => [...one.chain, one])) {
    if (pinned[step.generation] !== step.public_key) {
      throw new Error(`the public key of generation ${step.generation} is not the pinned one`);
    }
  }
}

/** generation -> number -> tag. */
export async function tagsOf(api, { generations }, numbers, wanted = Infinity) {
  const tags = new Map(generations.map((one) => [one.generation, new Map()]));
  const most = Math.min(wanted, generations[0].batch_max);
  for (let start = 0; start < numbers.length; start += most) {
    const batch = numbers.slice(start, start + most);
    for (const [generation, found] of await tagsOfBatch(api, generations, batch)) {
      batch.forEach((e164, i) => tags.get(generation).set(e164, found[i]));
    }
  }
  return tags;
}

async function tagsOfBatch(api, generations, batch) {
  const blinds = blindAll(batch.map((e164) => numberInput(generations[0].input_prefix, e164)));
  const evaluations = await api.evaluations(wire(blinds));
  const tags = new Map();
  for (const generation of generations) {
    const [first, ...later] = [...generation.chain, generation];
    let found = finalizeAll(blinds, evaluations.get(first.generation), first.public_key).map(tagOf);
    for (const step of later) found = await carriedOn(api, generation.chain_prefix, found, step);
    tags.set(generation.generation, found);
  }
  return tags;
}

/** The tags under the next generation of a chain, which evaluates the tags before it. */
async function carriedOn(api, prefix, tags, step) {
  const blinds = blindAll(tags.map((tag) => chainInput(prefix, tag)));
  const evaluations = await api.evaluations(wire(blinds), [step.generation]);
  return finalizeAll(blinds, evaluations.get(step.generation), step.public_key).map(tagOf);
}
