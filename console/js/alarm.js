// The alarm one hears: oscillators only, no file to fail. Priority 1 repeats until nobody waits; the rest chimes.

const REPEAT_MS = { 1: 3200, 2: 12000 };
const MUTE_MS = 5 * 60000;

class Alarm {
  constructor() {
    this.context = null;
    this.level = 0;
    this.mutedUntil = 0;
    this.sounded = 0;
    this.timer = null;
    this.onChange = () => {};
  }

  get state() {
    if (!this.context || this.context.state !== "running") return "blocked";
    if (this.muted) return "muted";
    return this.level ? "sounding" : "quiet";
  }

  get muted() {
    return Date.now() < this.mutedUntil;
  }

  // Browsers let sound begin only with a gesture; every key and click tries.
  async enable() {
    this.context ??= new AudioContext();
    if (this.context.state !== "running") await this.context.resume();
    this.onChange();
    this.repeat();
  }

  mute() {
    this.mutedUntil = this.muted ? 0 : Date.now() + MUTE_MS;
    this.onChange();
    this.repeat();
  }

  // 0: nobody waits; 1: danger to life waits; 2: something else waits.
  set(level) {
    if (level === this.level) return;
    this.level = level;
    this.onChange();
    this.repeat();
  }

  chime() {
    this.play([[660, 0, 0.16], [880, 0.18, 0.26]], 0.22);
  }

  async test() {
    await this.enable();
    this.play(urgent, 0.4);
  }

  repeat() {
    clearTimeout(this.timer);
    if (!this.level) return;
    if (this.state === "sounding") this.play(this.level === 1 ? urgent : plain, this.level === 1 ? 0.4 : 0.25);
    this.timer = setTimeout(() => this.repeat(), REPEAT_MS[this.level]);
  }

  play(notes, gain) {
    const c = this.context;
    if (!c || c.state !== "running") return;
    const start = c.currentTime + 0.02;
    for (const [frequency, at, length] of notes) {
      const tone = c.createOscillator();
      const volume = c.createGain();
      tone.type = "triangle";
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0, start + at);
      volume.gain.linearRampToValueAtTime(gain, start + at + 0.015);
      volume.gain.setValueAtTime(gain, start + at + length - 0.03);
      volume.gain.linearRampToValueAtTime(0, start + at + length);
      tone.connect(volume).connect(c.destination);
      tone.start(start + at);
      tone.stop(start + at + length);
      this.sounded += 1;
    }
  }
}

// Two tones far enough apart that one of them is heard through most noise and most hearing losses.
const urgent = [0, 1, 2].flatMap((i) => [[960, i * 0.62, 0.28], [620, i * 0.62 + 0.3, 0.28]]);
const plain = [[740, 0, 0.2], [740, 0.3, 0.2], [988, 0.6, 0.35]];

export const alarm = new Alarm();
