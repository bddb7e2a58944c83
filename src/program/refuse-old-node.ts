// The first import of the launcher, so that an old Node runs nothing else. A file is parsed before its first line runs, so
// the build translates the launcher to the syntax of Node 8. Functions are not translated.
import { isSupportedNode, SUPPORTED_NODE } from '../system/supported-node.ts';
import { refuseToRun } from './refuse-to-run.ts';

const { node } = process.versions;
if (!isSupportedNode(node))
  refuseToRun(`Node ${node} is too old (${process.execPath}); exec-server needs ${SUPPORTED_NODE}`);
