/** Lets the event loop turn once: whoever waits for it gets a turn before long work goes on. */
export { setImmediate as nextTurn } from 'node:timers/promises';
