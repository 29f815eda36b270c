/** Bytes that a life plants for its own repair to find. */
export const plantedBlob = 'planted-by-a-life';
