import { expect } from 'chai';
import { inParts } from '../../../src/core/unified-exec/script-parts.ts';
import { shellAt, shellCommand } from '../../../src/core/unified-exec/shell-command.ts';
import { MAX_ARGUMENT_BYTES } from '../../../src/protocol/limits.ts';

const part = 'x'.repeat(MAX_ARGUMENT_BYTES);
const command = (path: string, script: string, login = false) =>
  shellCommand(shellAt(path, 'linux'), script, login);

describe('a command line of more bytes than an argument has', () => {
  it('is one argument up to the limit', () => {
    expect(command('/bin/sh', part)).to.deep.equal(['/bin/sh', '-c', part]);
  });

  it('is passed in parts to a POSIX shell, which joins and clears them', () => {
    expect(command('/bin/bash', `${part}y`, true)).to.deep.equal([
      '/bin/bash',
      '-lc',
      `eval "set --;\${1}\${2}"`,
      '/bin/bash',
      part,
      'y',
    ]);
  });

  it('is passed in parts to fish and to the C shells', () => {
    expect(command('/bin/fish', `${part}y`)).to.deep.equal([
      '/bin/fish',
      '-c',
      'eval "set argv;$argv[1]$argv[2]"',
      part,
      'y',
    ]);
    expect(command('/bin/tcsh', `${part}y`)).to.deep.equal([
      '/bin/tcsh',
      '-c',
      'set _script = "$argv[1]:q$argv[2]:q"; set argv = (); eval "$_script:q"',
      part,
      'y',
    ]);
  });

  it('is divided between characters', () => {
    const [, , , ...parts] =
      inParts('fish', ['fish', '-c'], `${'x'.repeat(MAX_ARGUMENT_BYTES - 1)}😀y`) ?? [];
    expect(parts.map(text => text.length)).to.deep.equal([MAX_ARGUMENT_BYTES - 1, 3]);
    expect(parts[1]).to.equal('😀y');
  });

  it('stays one argument for an unknown shell, whose server refuses it', () => {
    expect(command('/bin/other', `${part}y`)).to.deep.equal(['/bin/other', '-c', `${part}y`]);
  });
});
