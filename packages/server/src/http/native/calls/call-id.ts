import { Type } from 'typebox';
import { strict } from '../shapes.ts';

/** Which call it is: all that a write says of it. */
export const CallId = Type.Object({ id: Type.String({ description: 'The call' }) }, strict);
