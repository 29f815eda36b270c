#!/usr/bin/env node
/**
 * Makes the sample recordings from the turns in calls.json, with espeak-ng and sox:
 *
 *   node samples/make.mjs            writes audio/*.wav and, in calls.json, the times that follow from them
 *   node samples/make.mjs --check    makes them in a temporary folder and compares; exit code 1 where they differ
 *
 * Every random number comes from a seed, so the same versions of both programs give the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const RATE = 8000;
const CHANNELS = { agent: 0, customer: 1 };
const LEAD_IN_MS = 300;
const LEAD_OUT_MS = 400;
/** Peak of the line noise, of 32,768: quiet, yet no channel is ever digitally silent. */
const NOISE_PEAK = 90;
const RAW_PCM = ['-t', 'raw', '-r', String(RATE), '-e', 'signed-integer', '-b', '16', '-L'];

/** Agents by their reference id, customers by their key. British English is `en` here: `en-gb` ignores a variant. */
const VOICES = {
  'agent-11': { voice: 'en-us+m3', pitch: 38, wordsPerMinute: 202 },
  'agent-23': { voice: 'en-us+f2', pitch: 58, wordsPerMinute: 209 },
  'agent-31': { voice: 'en-gb-x-rp+f4', pitch: 52, wordsPerMinute: 195 },
  'agent-42': { voice: 'en-029+m7', pitch: 30, wordsPerMinute: 193 },
  card: { voice: 'en-us+f3', pitch: 70, wordsPerMinute: 191 },
  parcel: { voice: 'en-us-nyc+m1', pitch: 22, wordsPerMinute: 182 },
  clinic: { voice: 'en+f5', pitch: 50, wordsPerMinute: 184 },
  claim: { voice: 'en-gb-scotland+m2', pitch: 80, wordsPerMinute: 198 },
  invoice: { voice: 'en+f1', pitch: 76, wordsPerMinute: 205 },
  internet: { voice: 'en-us+f4', pitch: 36, wordsPerMinute: 189 },
};

const home = import.meta.dirname;
const calls = JSON.parse(readFileSync(join(home, 'calls.json'), 'utf8'));
const { values: options } = parseArgs({ options: { check: { type: 'boolean' } } });
if (options.check) {
  const folder = mkdtempSync(join(tmpdir(), 'samples-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  makeAll(folder);
  const files = ['calls.json', ...calls.map(({ file }) => file)];
  const different = files.filter((file) => !isSame(join(home, file), join(folder, file)));
  if (different.length > 0) fail(`not what this script makes: ${different.join(', ')}`);
} else {
  makeAll(home);
}

/** Makes every recording into `folder`, and its calls.json. */
function makeAll(folder) {
  const made = calls.map((call) => makeCall(call, join(folder, call.file)));
  writeFileSync(join(folder, 'calls.json'), `${layOut(made)}\n`);
}

/** Makes one recording and answers its call with the times that follow from the audio. */
function makeCall(call, outputFile) {
  const random = seededRandom(call.file);
  const [agent] = call.info.contacts;
  const spoken = [];
  let cursor = msToFrames(LEAD_IN_MS);
  for (const { speaker, text } of call.turns) {
    const samples = speak(text, VOICES[speaker === 'agent' ? agent.referenceId : call.customer]);
    spoken.push({ speaker, text, start: cursor, samples });
    cursor += samples.length + msToFrames(250 + Math.floor(random() * 250));
  }
  const last = spoken.at(-1);
  const durationMs = Math.ceil(framesToMs(last.start + last.samples.length) / 10) * 10 + LEAD_OUT_MS;
  encode(mix(spoken, msToFrames(durationMs), random), outputFile);

  const endTime = new Date(Date.parse(call.info.startTime) + durationMs).toISOString();
  const turns = spoken.map(({ speaker, text, start, samples }) => ({
    speaker,
    startMs: Math.round(framesToMs(start)),
    endMs: Math.round(framesToMs(start + samples.length)),
    text,
  }));
  const { file, customer, marks, info } = call;
  return { file, customer, marks, durationMs, info: { ...info, endTime }, turns };
}

/** One turn as 16-bit samples at the telephone's rate, without silence at either end. */
function speak(text, { voice, pitch, wordsPerMinute }) {
  const wav = run('espeak-ng', ['-v', voice, '-p', String(pitch), '-s', String(wordsPerMinute), '--stdout', text]);
  const trim = ['silence', '1', '0.01', '0.2%', 'reverse'];
  // A WAV written to a pipe cannot state its length.
  const input = ['-t', 'wav', '--ignore-length', '-'];
  const effects = ['rate', String(RATE), ...trim, ...trim, 'norm', '-6'];
  const pcm = run('sox', ['-R', '-D', ...input, ...RAW_PCM, '-c', '1', '-', ...effects], wav);
  return Array.from({ length: pcm.length / 2 }, (_, i) => pcm.readInt16LE(i * 2));
}

/** Both channels, interleaved: noise of its own on each, and every turn on its speaker's. */
function mix(spoken, frames, random) {
  const pcm = Buffer.alloc(frames * 4);
  for (let i = 0; i < frames * 2; i++) pcm.writeInt16LE(Math.round((random() * 2 - 1) * NOISE_PEAK), i * 2);
  for (const { speaker, start, samples } of spoken) {
    for (const [i, sample] of samples.entries()) {
      const at = (start + i) * 4 + CHANNELS[speaker] * 2;
      pcm.writeInt16LE(pcm.readInt16LE(at) + sample, at);
    }
  }
  return pcm;
}

/** Through the telephone's band, to mu-law. */
function encode(pcm, file) {
  mkdirSync(dirname(file), { recursive: true });
  run('sox', ['-R', '-D', ...RAW_PCM, '-c', '2', '-', '-t', 'wav', '-e', 'mu-law', file, 'sinc', '300-3400'], pcm);
}

function run(program, args, input = '') {
  // SOX_OPTS could turn repeatable mode off.
  const env = { ...process.env, SOX_OPTS: '' };
  const { error, status, stdout, stderr } = spawnSync(program, args, { input, env, maxBuffer: 64 * 1024 * 1024 });
  if (error?.code === 'ENOENT') {
    fail(`${program} is not installed. Both programs are needed, espeak-ng and sox:
  Debian, Ubuntu   sudo apt-get install espeak-ng sox
  Fedora           sudo dnf install espeak-ng sox
  macOS            brew install espeak-ng sox`);
  }
  if (error) throw error;
  if (status !== 0) fail(`${program} ended with ${status}: ${stderr}`);
  return stdout;
}

/** Marsaglia's xorshift32, seeded by a name; numbers from 0 up to, not including, 1. */
function seededRandom(name) {
  let state = createHash('sha256').update(name).digest().readUInt32LE() || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** JSON in the repository's layout: on one line what fits there, but one object of a list on each. */
function layOut(value, indent = '', before = 0) {
  const isList = Array.isArray(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const isListOfObjects = isList && value.some((item) => typeof item === 'object');
  const line = oneLine(value);
  if (!isListOfObjects && indent.length + before + line.length < 120) return line;
  const inner = `${indent}  `;
  const parts = Object.entries(value).map(([key, item]) => {
    const label = isList ? '' : `${JSON.stringify(key)}: `;
    return `${inner}${label}${layOut(item, inner, label.length)}`;
  });
  const [open, close] = isList ? '[]' : '{}';
  return `${open}\n${parts.join(',\n')}\n${indent}${close}`;
}

function oneLine(value) {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`);
  return `{ ${fields.join(', ')} }`;
}

function msToFrames(ms) {
  return (ms * RATE) / 1000;
}

function framesToMs(frames) {
  return (frames * 1000) / RATE;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function isSame(a, b) {
  return existsSync(a) && readFileSync(a).equals(readFileSync(b));
}
