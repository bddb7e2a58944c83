import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { isSupportedNode, SUPPORTED_NODE } from '../../src/system/supported-node.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('isSupportedNode', () => {
  const versions = {
    unsupported: ['0.12.18', '8.17.0', '18.20.8', '20.0.0', '20.18.3', '21.7.3', '22.0.0', '22.2.0'],
    supported: ['20.19.0', '20.20.2', '22.3.0', '22.23.5', '23.0.0', '24.0.0', '26.12.1', '100.0.0-nightly'],
  };
  it('returns true for 20.19, for 22.3 and for later versions', () => {
    expect(versions.unsupported.filter(isSupportedNode)).to.deep.equal([]);
    expect(versions.supported.filter(isSupportedNode)).to.deep.equal(versions.supported);
  });

  it('accords with package.json and README.md', () => {
    expect(JSON.parse(read('package.json')).engines).to.deep.equal({ node: '^20.19 || >=22.3' });
    expect(read('README.md')).to.contain(SUPPORTED_NODE);
  });
});
