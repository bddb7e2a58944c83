import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { connect, type ExecClient, sshCommandServer } from '../../src/core/index.ts';
import { until } from '../support/until.ts';
import { fixturePath, programPath } from './support/program.ts';
import { type Random, seededRandom } from './support/seeded-random.ts';
import { describeWithSshd, type Sshd, startSshd } from './support/sshd.ts';
import { waitForNoSurvivorsIn } from './support/survivors.ts';

/** Rounds of each moment; 50 for a thorough run. */
const ROUNDS = Number(process.env.RESUME_ROUNDS ?? 3);
/** Time for all moments, in minutes, in place of a number of rounds: `npm run soak:resume`. */
const MINUTES = Number(process.env.RESUME_MINUTES ?? 0);
const SEED = Number(process.env.RESUME_SEED ?? 1);

/** Numbers in a flood, a line each: no two parts of it are equal. */
const FLOOD_LINES = 600_000;
const FILE_BYTES = 3_000_000;

/** One session whose connection is cut. */
type Round = {
  readonly client: ExecClient;
  readonly random: Random;
  readonly cwd: string;
  /** Kills ssh now. */
  cut(): void;
  /** Number of times that the session was resumed. */
  resumed(): number;
};

/** A moment of a cut: where the connections end by themselves, and the use of the session until then. */
type Moment = {
  readonly title: string;
  /** For each connection: after so many bytes `in` to the server, or `out` of it. */
  cuts(random: Random): readonly string[];
  use(round: Round): Promise<void>;
};

const FLOOD = `seq ${FLOOD_LINES}`;
const FLOOD_TEXT = Array.from({ length: FLOOD_LINES }, (_, at) => `${at + 1}\n`).join('');
const FLOOD_BYTES = FLOOD_TEXT.length;
const FLOOD_DIGEST = createHash('sha256').update(FLOOD_TEXT).digest('hex');

const inOrOut = (random: Random, minimum: number, maximum: number): string =>
  `${random.pick(['in', 'out'])} ${random.integer(minimum, maximum)}`;

/** More than the handshake of a first connection has in each direction. */
const HANDSHAKE_BYTES = 2500;

const lossless = async ({ client }: Round): Promise<void> => {
  const child = await client.start({ argv: ['sh', '-c', FLOOD] });
  const digest = createHash('sha256');
  for await (const { chunk } of child.output) digest.update(chunk);
  expect([digest.digest('hex'), (await child.exit).exitCode]).to.deep.equal([FLOOD_DIGEST, 0]);
};

/** Writes lines to `cat` one after the other, with another request each, and expects all of them once. */
const writes = async ({ client, random, cut }: Round, cutAt = -1): Promise<void> => {
  const child = await client.start({ argv: ['cat'], stdin: true });
  let sent = '';
  for (let at = 0; at < 40; at += 1) {
    const line = `${at} ${'y'.repeat(random.integer(0, 2000))}\n`;
    sent += line;
    const answers = [child.write(line), client.list()] as const;
    if (at === cutAt) {
      for (let turns = random.integer(0, 6); turns > 0; turns -= 1) await turn();
      cut();
    }
    expect(await answers[1]).to.have.lengthOf(1);
    await answers[0];
  }
  await child.closeStdin();
  expect(String((await child.collect()).stdout)).to.equal(sent);
};

const MOMENTS: readonly Moment[] = [
  {
    title: 'during a flood that is lossless',
    cuts: random => [1, 2].map(() => `out ${random.integer(HANDSHAKE_BYTES, Math.floor(FLOOD_BYTES / 3))}`),
    use: lossless,
  },
  {
    title: 'during a flood with headTail',
    cuts: random => [1, 2].map(() => `out ${random.integer(HANDSHAKE_BYTES, 150_000)}`),
    use: async ({ client }) => {
      const options = { output: 'headTail', maxOutputBytes: 1_000_000 } as const;
      const child = await client.start({ argv: ['sh', '-c', FLOOD], ...options });
      const { stdout, droppedBytes, exitCode } = await child.collect();
      expect([stdout.length + droppedBytes, exitCode]).to.deep.equal([FLOOD_BYTES, 0]);
      expect(FLOOD_TEXT.endsWith(String(stdout.subarray(-100_000)))).to.equal(true);
    },
  },
  {
    title: 'between a request and its answer',
    cuts: () => [],
    use: round => writes(round, round.random.integer(0, 39)),
  },
  {
    title: 'inside a frame in either direction',
    cuts: random => [1, 2].map(() => inOrOut(random, HANDSHAKE_BYTES, 20_000)),
    use: round => writes(round),
  },
  {
    title: 'during a resume',
    cuts: random => [
      `out ${random.integer(HANDSHAKE_BYTES, 20_000)}`,
      inOrOut(random, 1, 250),
      inOrOut(random, 1, 1200),
    ],
    use: round => writes(round),
  },
  {
    title: 'twice within a second',
    cuts: () => [],
    use: async round => {
      const using = writes(round, round.random.integer(0, 20));
      await until(() => round.resumed() > 0, 'the session was not resumed');
      for (let turns = round.random.integer(0, 6); turns > 0; turns -= 1) await turn();
      round.cut();
      await using;
    },
  },
  {
    title: 'while a file is written in blocks',
    cuts: random => [1, 2].map(() => `in ${random.integer(HANDSHAKE_BYTES, FILE_BYTES / 2)}`),
    use: async ({ client, random, cwd }) => {
      const content = Buffer.alloc(FILE_BYTES, `content ${random.integer(0, 1e9)} `);
      const file = join(cwd, 'written');
      await client.files.writeFile(file, content);
      expect(readFileSync(file).equals(content)).to.equal(true);
    },
  },
  {
    title: 'while a terminal is open',
    cuts: random => [1, 2].map(() => inOrOut(random, HANDSHAKE_BYTES, 6000)),
    use: async ({ client, random }) => {
      const script = 'stty raw -echo && printf ready && exec cat';
      const child = await client.start({ argv: ['sh', '-c', script], tty: true });
      const keys = Array.from({ length: 2000 }, () => String.fromCharCode(random.integer(97, 122))).join('');
      let screen = '';
      let written = 0;
      for await (const { chunk } of child.output) {
        screen += chunk;
        // One key, or many; the next ones when all were echoed.
        if (screen.length !== 'ready'.length + written) continue;
        if (written === keys.length) await child.terminate();
        const next = keys.slice(written, written + random.pick([1, 40, 200]));
        written += next.length;
        if (next !== '') await child.write(next);
      }
      expect(screen).to.equal(`ready${keys}`);
    },
  },
];

describeWithSshd('a kept session whose ssh is killed', () => {
  let sshd: Sshd;
  let env: NodeJS.ProcessEnv;
  let cwd: string;
  let plan: string;

  before(async () => {
    sshd = await startSshd({ remotePath: '/usr/bin:/bin' });
    env = { ...process.env, PATH: [sshd.clientBin, process.env.PATH].join(delimiter) };
    cwd = realpathSync(mkdtempSync(join(tmpdir(), 'exec-server-cuts-')));
    plan = join(cwd, 'plan');
  });

  after(async () => {
    await sshd.stop();
    await waitForNoSurvivorsIn(cwd);
    rmSync(cwd, { recursive: true });
  });

  /** Runs one round, and returns the number of cuts. */
  const play = async ({ cuts, use }: Moment, random: Random): Promise<number> => {
    writeFileSync(plan, cuts(random).join('\n'));
    let resumed = 0;
    const pidFile = join(cwd, 'pid');
    const client = await connect(
      sshCommandServer(
        [process.execPath, fixturePath('cuts-connection.js'), plan, pidFile, 'ssh', '-T', '--'],
        'devbox',
        `cd '${cwd}' && exec '${process.execPath}' '${programPath}' --stdio`,
      ),
      {
        localEnv: env,
        session: {
          keepMs: 60_000,
          onEvent: ({ type }) => {
            if (type === 'resumed') resumed += 1;
          },
        },
      },
    );
    const cut = () => {
      try {
        process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
      } catch {
        // It has ended.
      }
    };
    await use({ client, random, cwd, cut, resumed: () => resumed });
    await client.close();
    return resumed;
  };

  for (const moment of MOMENTS) {
    it(`loses and repeats nothing: ${moment.title}`, async function () {
      this.timeout(Math.max(180_000, ROUNDS * 30_000, MINUTES * 120_000));
      const end = performance.now() + (MINUTES * 60_000) / MOMENTS.length;
      let cuts = 0;
      let round = 0;
      for (; MINUTES > 0 ? performance.now() < end : round < ROUNDS; round += 1) {
        try {
          cuts += await play(moment, seededRandom(SEED * 1_000_003 + round));
        } catch (error) {
          throw new Error(`RESUME_SEED=${SEED}, round ${round}: ${(error as Error).message}`, {
            cause: error,
          });
        }
      }
      expect(cuts).to.be.at.least(1);
      if (MINUTES > 0 || ROUNDS > 3) process.stderr.write(`      ${round} rounds, ${cuts} resumed\n`);
      const directory = join(sshd.home, '.cache/exec-server/sessions');
      expect(readdirSync(directory).filter(name => name !== 'ended.log')).to.deep.equal([]);
      await waitForNoSurvivorsIn(cwd);
    });
  }
});
