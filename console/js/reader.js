// Reads what changed, once for many events: a few at a time, never one thing twice at once, again where nothing answers.

const TOGETHER = 6;
const TOGETHER_MS = 25;
const AGAIN_MS = 1000;

export class Reader {
  // `read(key)` takes the newest of it in; `gone(key)` is told what is not there any more.
  constructor(read, gone) {
    Object.assign(this, { readOne: read, gone, wanted: new Set(), flying: new Set(), waking: null });
  }

  want(key, afterMs = TOGETHER_MS) {
    if (afterMs > TOGETHER_MS) return void setTimeout(() => this.want(key), afterMs);
    this.wanted.add(key);
    this.waking ??= setTimeout(() => this.wake(), TOGETHER_MS);
  }

  wake() {
    this.waking = null;
    for (const key of this.wanted) {
      if (this.flying.size >= TOGETHER) return;
      if (this.flying.has(key)) continue; // what is being read may be older than the event that asks: read again after
      this.wanted.delete(key);
      this.flying.add(key);
      this.read(key).finally(() => {
        this.flying.delete(key);
        if (this.wanted.size) this.wake();
      });
    }
  }

  async read(key) {
    try {
      await this.readOne(key);
    } catch (e) {
      if (e.status === 404) this.gone(key);
      else if (e.status === 0 || e.status >= 500) this.want(key, AGAIN_MS);
      else if (e.status === undefined) throw e;
    }
  }
}
