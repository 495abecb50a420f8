// Server-Sent Events by fetch: resumes with Last-Event-ID, and notices a line that has gone silent.

const SILENT_MS = 40000;

export class Stream {
  constructor(path, { onEvent, onState }) {
    Object.assign(this, { path, onEvent, onState, lastId: "", wanted: true, tries: 0 });
    this.run();
  }

  stop() {
    this.wanted = false;
    this.cut?.abort();
  }

  // Tests and the "reconnect" key use it: the line is dropped and taken up again where it was.
  drop() {
    this.cut?.abort();
  }

  async run() {
    while (this.wanted) {
      try {
        await this.read();
      } catch (e) {
        if (e?.status === 401 || e?.status === 403) {
          this.onState("refused");
          return;
        }
      }
      if (!this.wanted) return;
      this.tries += 1;
      this.onState("down");
      await new Promise((go) => setTimeout(go, Math.min(5000, 300 * 1.6 ** Math.min(this.tries, 8)) * (0.8 + Math.random() * 0.4)));
    }
  }

  async read() {
    this.cut = new AbortController();
    const headers = { accept: "text/event-stream" };
    if (this.lastId) headers["last-event-id"] = this.lastId;
    let watch;
    const heard = () => {
      clearTimeout(watch);
      watch = setTimeout(() => this.cut.abort(), SILENT_MS);
    };
    heard(); // before the answer too: a service that takes the connection and says nothing is a silent line
    try {
      await this.follow(headers, heard);
    } finally {
      clearTimeout(watch);
    }
  }

  async follow(headers, heard) {
    const answer = await fetch(this.path, { headers, credentials: "same-origin", cache: "no-store", signal: this.cut.signal });
    if (!answer.ok) throw Object.assign(new Error("refused"), { status: answer.status });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    heard();
    this.tries = 0;
    this.onState("on");
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) this.take(part);
    }
  }

  take(part) {
    let type = "message";
    let id = null;
    const data = [];
    for (const line of part.split("\n")) {
      const at = line.indexOf(":");
      if (at === 0) continue;
      const field = at < 0 ? line : line.slice(0, at);
      const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
      if (field === "event") type = value;
      else if (field === "id") id = value;
      else if (field === "data") data.push(value);
    }
    // The id counts only once its event has been taken: a failure in between is told again, not lost.
    if (data.length) this.onEvent(type, JSON.parse(data.join("\n")));
    if (id !== null) this.lastId = id;
    if (type === "reset") this.lastId = "";
  }
}
