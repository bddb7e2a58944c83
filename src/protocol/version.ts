/** The version of this package; a test holds it to `package.json`. */
export const version = '0.1.0';

/** Versions of the protocol that this package speaks. A change that an older side does not understand raises them. */
export const PROTOCOL_VERSIONS: ProtocolVersions = { min: 1, max: 1 };

export type ProtocolVersions = { readonly min: number; readonly max: number };

/** Returns true if two sides have a version of the protocol in common. */
export const speakSameProtocol = (one: ProtocolVersions, other: ProtocolVersions): boolean =>
  one.min <= other.max && other.min <= one.max;
