// Reads one job as JSON from standard input, does it, and prints its result as JSON. A failure is an exit status of 1.

import { text } from 'node:stream/consumers';
import { check } from './check.mjs';
import { askedGenerations, refusedBatches, refusedElements } from './refusals.mjs';
import { tamperings } from './tampering.mjs';
import { evaluatedHere, publicKeys, rfcFinalized, rfcVector, tagVectors } from './vectors.mjs';

const MODES = {
  check,
  tamperings,
  refused_batches: refusedBatches,
  refused_elements: refusedElements,
  asked_generations: askedGenerations,
  public_keys: publicKeys,
  tag_vectors: tagVectors,
  rfc_vector: rfcVector,
  rfc_finalized: rfcFinalized,
  evaluated_here: evaluatedHere,
};

const job = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await MODES[job.mode](job)));
