import { expect } from 'chai';
import { ResponseError } from 'vscode-jsonrpc/node';
import { RequestError } from '../../src/core/errors.ts';
import { explainLocally, withPathOrigin } from '../../src/core/local-environment.ts';

const input = {
  base: { PATH: '/bin', MY_TOKEN: 'planted' },
  policy: { set: { A: 'planted' } },
  overlay: { B: 'planted' },
  platform: 'posix',
} as const;

describe('explainLocally', () => {
  it('returns base, variables and counts, like a server', () => {
    expect(explainLocally(input, ['PATH', 'MY_TOKEN', 'NOWHERE'])).to.deep.equal({
      base: { base: 'process', attempts: [] },
      variables: {
        PATH: { outcome: 'kept' },
        MY_TOKEN: { outcome: 'removed', by: 'defaultExcludes', pattern: '*TOKEN*' },
        NOWHERE: { outcome: 'absent' },
      },
      counts: { kept: 1, removed: 1, set: 3 },
    });
  });

  it('explains every name unless some are requested', () => {
    expect(Object.keys(explainLocally(input, undefined).variables)).to.have.members([
      'PATH',
      'MY_TOKEN',
      'PWD',
      'A',
      'B',
    ]);
  });

  it('has no base for an exact environment', () => {
    expect(explainLocally({ ...input, policy: undefined }, undefined)).to.deep.equal({
      variables: { B: { outcome: 'set', by: 'overlay' } },
      counts: { kept: 0, removed: 0, set: 1 },
    });
  });
});

describe('withPathOrigin', () => {
  const failure = (data: object) =>
    new RequestError(
      'process/start',
      new ResponseError(-32603, 'as the server says it', { kind: 'launchFailed', ...data }),
    );
  const notFound = {
    stage: 'resolve',
    errno: 'ENOENT',
    path: 'tool',
    searchedPath: ['/bin'],
    pathFrom: { outcome: 'set', by: 'overlay' },
  };

  it('names the step that set the searched PATH', () => {
    const told = withPathOrigin(failure(notFound), input) as RequestError;
    expect(told).to.be.instanceOf(RequestError);
    expect({ message: told.message, code: told.code, method: told.method, data: told.data }).to.deep.equal({
      message: 'program not found: tool (searched /bin; PATH kept from base process)',
      code: -32603,
      method: 'process/start',
      data: { kind: 'launchFailed', ...notFound, pathFrom: { outcome: 'kept', base: 'process' } },
    });
  });

  it('uses the separator of windows on windows', () => {
    const told = withPathOrigin(failure({ ...notFound, searchedPath: ['C:\\a', 'D:\\b'] }), {
      ...input,
      base: { Path: 'C:\\a;D:\\b' },
      policy: { set: { path: 'C:\\a;D:\\b' } },
      platform: 'windows',
    }) as RequestError;
    expect(told.message).to.equal('program not found: tool (searched C:\\a;D:\\b; PATH set by the policy)');
  });

  it('returns every other error unchanged', () => {
    const others = [
      new Error('something else'),
      failure({ stage: 'cwd', errno: 'ENOENT', path: '/no/such' }),
      // A path: PATH was not searched.
      failure({ stage: 'resolve', errno: 'ENOENT', path: './tool' }),
    ];
    for (const error of others) expect(withPathOrigin(error, input)).to.equal(error);
    const exact = failure(notFound);
    expect(withPathOrigin(exact, { ...input, policy: undefined })).to.equal(exact);
  });
});
