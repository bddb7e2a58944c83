import { expect } from 'chai';
import { ResponseError } from 'vscode-jsonrpc/node';
import { failureExitCode, USAGE_ERROR } from '../../src/cli/exit-codes.ts';
import { ConnectionLostError, RequestError } from '../../src/core/index.ts';
import { type ExecServerError, invalidParams, launchFailed } from '../../src/protocol/errors.ts';

/** Error that Core throws for this error of the server. */
const answered = ({ code, message, data }: ExecServerError) =>
  new RequestError('process/start', new ResponseError(code, message, data));

describe('failureExitCode', () => {
  const launchStages = { cwd: 125, resolve: 127, permission: 126, spawn: 125 } as const;
  for (const [stage, exitCode] of Object.entries(launchStages)) {
    it(`is ${exitCode}, as in env(1), for a launch that failed at the stage ${stage}`, () => {
      const failed = launchFailed('failed', {
        stage: stage as keyof typeof launchStages,
        errno: 'E',
        path: 'x',
      });
      expect(failureExitCode(answered(failed))).to.equal(exitCode);
    });
  }

  it('is 125 for a start that the server refuses', () => {
    expect(failureExitCode(answered(invalidParams('cwd', 'wrong')))).to.equal(125);
    expect(failureExitCode(new RequestError('initialize', new ResponseError(-32601, 'unknown')))).to.equal(
      125,
    );
  });

  it('is 255, as in ssh(1), for a connection that failed', () => {
    expect(failureExitCode(new ConnectionLostError('lost'))).to.equal(255);
  });

  it('is undefined for a defect, also for one with the fields of a request error', () => {
    const defects = [
      new Error('x'),
      Object.assign(new Error('x'), { data: { stage: 'resolve' } }),
      'x',
      undefined,
    ];
    expect(defects.map(failureExitCode)).to.deep.equal([undefined, undefined, undefined, undefined]);
  });
});

describe('USAGE_ERROR', () => {
  it('is 2, as in most programs', () => {
    expect(USAGE_ERROR).to.equal(2);
  });
});
