export { type ServeOptions, type Server, serve } from './connection/serve.ts';
export { currentHost, type Host } from './environment/host.ts';
