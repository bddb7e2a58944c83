export { connectEmbedded, type EmbeddedOptions } from './connect-embedded.ts';
