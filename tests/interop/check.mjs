// A private check from numbers to answers, as docs and parameters describe it.

import { randomInt } from 'node:crypto';
import { toBase64, toHex } from './bytes.mjs';
import { tagsOf, verifyPins } from './evaluation.mjs';
import { download, setId } from './membership.mjs';
import { RegistryApi } from './registry_api.mjs';

const NOT_LISTED = { outcome: 'none', reason: null, evidence: null };

/**
 * job: numbers in E.164, windows (number -> possession window), pinned (generation -> public key); whole_set: no bucket;
 * batch: how many numbers are evaluated at once, where it is to be fewer than the registry allows.
 */
export async function check(job) {
  const api = new RegistryApi(job);
  const parameters = await api.parameters();
  verifyPins(parameters.generations, job.pinned);
  const tags = await tagsOf(api, parameters, shuffled([...new Set(job.numbers)]), job.batch);
  const { members, downloads } = await membersOf(api, parameters.generations, tags, job.whole_set ?? false);
  const answers = await disclosed(api, members, job.windows ?? {});
  return {
    answers: job.numbers.map((number) => ({ number, ...(answers.get(number) ?? NOT_LISTED) })),
    members: Object.fromEntries([...members].map(([number, { generation }]) => [number, generation])),
    downloads,
  };
}

/** The order of a file tells something about its owner; a shuffled batch does not. */
function shuffled(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** number -> its tag under the newest generation whose set has it. */
async function membersOf(api, generations, tags, whole) {
  const members = new Map();
  const downloads = {};
  for (const generation of generations) {
    const number = generation.generation;
    const asked = [...tags.get(number)].map(([e164, tag]) => ({ e164, tag, id: setId(number, tag) }));
    const parts = await download(api, generation, asked.map((one) => one.id), whole);
    downloads[number] = parts.map((part) => part.report);
    const listed = new Set(parts.flatMap((part) => part.ids));
    for (const { e164, tag, id } of asked) {
      if (listed.has(toHex(id)) && !members.has(e164)) members.set(e164, { generation: number, tag });
    }
  }
  return { members, downloads };
}

/** number -> what the registry says of a member; `ref` carries nothing that it could recognise. */
async function disclosed(api, members, windows) {
  const numbers = [...members.keys()];
  if (numbers.length === 0) return new Map();
  const tags = numbers.map((e164) => toBase64(members.get(e164).tag));
  const items = numbers.map((e164, i) => ({ tag: tags[i], ref: `item ${i}`, ...windows[e164] }));
  const { results } = await api.disclosures(items);
  return new Map(
    numbers.map((e164, i) => {
      const { index, ref, outcome, reason, evidence } = results[i];
      if (index !== i || ref !== `item ${i}`) throw new Error(`answer ${i} is not in its place`);
      return [e164, { outcome, reason, evidence }];
    }),
  );
}
