/**
 * Where things lie in a sealing. Numbers only.
 *
 * ```
 * 0   1            33   34     66             73                65536
 * | 1 | commitment | 40 | salt | nonce prefix | segment 0 | tag | segment 1 | tag | ... | last segment | tag |
 *                  '------ Tink's header -----'
 * ```
 *
 * From byte 33 on this is AES-GCM-HKDF streaming as Tink defines it
 * (https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming), with 32-byte derived keys and 64 KiB
 * ciphertext segments; version byte and commitment are what Tink calls the offset of the first segment. So the first
 * segment is shorter than the others, and every border is a multiple of 64 KiB.
 */

/** The format this code writes and reads. */
export const VERSION = 0x01;
export const SALT_BYTES = 32;
export const NONCE_PREFIX_BYTES = 7;
/** Where the commitment ends and Tink's header starts. */
export const TINK_HEADER_AT = 33;
export const TINK_HEADER_BYTES = 1 + SALT_BYTES + NONCE_PREFIX_BYTES;
/** All that stands before the first segment. */
export const HEADER_BYTES = TINK_HEADER_AT + TINK_HEADER_BYTES;
/** The GCM tag that ends every segment. */
export const TAG_BYTES = 16;
/** From one segment border to the next in sealed bytes. */
export const SEGMENT_BYTES = 65_536;
/** From one segment border to the next in plaintext; the first border comes `HEADER_BYTES` earlier. */
export const SEGMENT_PLAIN_BYTES = SEGMENT_BYTES - TAG_BYTES;
/** The counter in a nonce has 32 bits. */
export const SEGMENTS_MAX = 2 ** 32;

/** How many segments a sealing of `sealedBytes` has, if it is one. */
export function segmentCount(sealedBytes: number): number {
  return Math.ceil(sealedBytes / SEGMENT_BYTES);
}

/** Where segment `index` starts in the sealed bytes. */
export function sealedStart(index: number): number {
  return index === 0 ? HEADER_BYTES : index * SEGMENT_BYTES;
}

/** Where segment `index` starts in the plaintext. */
export function plainStart(index: number): number {
  return index === 0 ? 0 : index * SEGMENT_PLAIN_BYTES - HEADER_BYTES;
}

/** Which segment holds the plaintext byte at `position`. */
export function segmentAt(position: number): number {
  return Math.floor((position + HEADER_BYTES) / SEGMENT_PLAIN_BYTES);
}
