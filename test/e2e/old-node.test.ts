import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { expect } from 'chai';
import { commandServer, connect } from '../../src/core/index.ts';
import { SUPPORTED_NODE } from '../../src/system/supported-node.ts';
import { requireNode } from '../support/node-versions.ts';
import { programPath } from './support/program.ts';

describe('exec-server with an old Node', () => {
  for (const version of ['8', '16', '18', '20.18']) {
    it(`reports the version, its path and what is needed: Node ${version}`, function () {
      const node = requireNode(this, version);
      for (const args of [['--stdio'], ['run', '--', 'true'], ['--version']]) {
        const { status, stdout, stderr } = spawnSync(node, [programPath, ...args], {
          encoding: 'utf8',
          input: '',
        });
        expect({ status, stdout }).to.deep.equal({ status: 78, stdout: '' });
        const [, found, path] = /^exec-server: Node (\S+) is too old \((.+)\); /.exec(stderr) ?? [];
        expect(found).to.match(new RegExp(`^${version}\\.`));
        expect(stderr).to.equal(
          `exec-server: Node ${found} is too old (${path}); exec-server needs ${SUPPORTED_NODE}\n`,
        );
        expect(path).to.equal(realpathSync(node));
      }
    });
  }

  it('is the likely cause of the failed connection', async function () {
    const target = commandServer([requireNode(this, '18'), programPath, '--stdio'], { label: 'devbox' });
    const error = await connect(target).catch(error => error);
    expect(error.likelyCause?.kind).to.equal('nodeTooOld');
    expect(error.message).to.match(/exited with code 78\n {2}exec-server: Node 18\.\S+ is too old \(/);
  });
});
