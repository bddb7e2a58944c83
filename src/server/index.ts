export { currentHost, type Host } from './host.ts';
export { type ServeOptions, type Server, serve } from './serve.ts';
