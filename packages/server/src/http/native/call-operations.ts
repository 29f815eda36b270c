import { archiveCall } from './calls/archive-call.ts';
import { changeCall } from './calls/change-call.ts';
import { getCall } from './calls/get-call.ts';
import { getRecording } from './calls/get-recording.ts';
import { getTranscript } from './calls/get-transcript.ts';
import { listCalls } from './calls/list-calls.ts';
import { searchCalls } from './calls/search-calls.ts';
import { storeRecording } from './calls/store-recording.ts';
import type { Operation } from './operation.ts';

export const callOperations: readonly Operation[] = [
  archiveCall,
  listCalls,
  searchCalls,
  getCall,
  changeCall,
  getRecording,
  storeRecording,
  getTranscript,
];
