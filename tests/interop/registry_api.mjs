// The five private endpoints over HTTP, and nothing else of the API. What is refused becomes a Problem.

export class Problem extends Error {
  constructor(status, body) {
    super(`${status} ${body.code}: ${body.detail}`);
    this.status = status;
    this.body = body;
  }
}

export class RegistryApi {
  constructor({ url, key, purpose }) {
    this.url = url;
    this.purpose = purpose;
    this.headers = { authorization: `Bearer ${key}` };
  }

  async parameters() {
    return (await this.#ask('/v1/private/parameters')).json();
  }

  /** generations: undefined for those with which every active generation begins. */
  async evaluations(blinded, generations) {
    const answer = await this.post('/v1/private/evaluations', { purpose: this.purpose, blinded, generations });
    const order = answer.evaluations.map((one) => one.generation);
    if (generations && order.join() !== generations.join()) throw new Error(`asked ${generations}, answered ${order}`);
    return new Map(answer.evaluations.map((one) => [one.generation, one]));
  }

  async disclosures(items) {
    return this.post('/v1/private/disclosures', { purpose: this.purpose, items });
  }

  wholeSet(generation, etag) {
    return this.#download(`/v1/private/set?generation=${generation}`, etag);
  }

  bucket(generation, prefix, etag) {
    return this.#download(`/v1/private/set/${prefix}?generation=${generation}`, etag);
  }

  async post(path, body) {
    const headers = { 'content-type': 'application/json' };
    return (await this.#ask(path, { method: 'POST', headers, body: JSON.stringify(body) })).json();
  }

  async #download(path, etag) {
    const answer = await this.#ask(path, { headers: etag ? { 'if-none-match': etag } : {} });
    return {
      status: answer.status,
      etag: answer.headers.get('etag'),
      type: answer.headers.get('content-type'),
      caching: answer.headers.get('cache-control'),
      bytes: new Uint8Array(await answer.arrayBuffer()),
    };
  }

  async #ask(path, options = {}) {
    const answer = await fetch(this.url + path, { ...options, headers: { ...this.headers, ...options.headers } });
    if (answer.status >= 400) throw new Problem(answer.status, await answer.json());
    return answer;
  }
}
