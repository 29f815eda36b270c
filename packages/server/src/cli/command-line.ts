import { Command, CommanderError } from 'commander';
import { auditCommands } from './audit.ts';
import { backupCommand } from './backup.ts';
import { clientCommands } from './client.ts';
import { exitCodeOf, exitCodes, explain } from './exit-codes.ts';
import { fsckCommand } from './fsck.ts';
import { keysCommands } from './keys.ts';
import { moveCommand } from './move.ts';
import { receiptCommands } from './receipt.ts';
import { restoreCommand } from './restore.ts';
import { serveCommand, workCommand } from './serve.ts';
import { migrateCommand, tenantCommands } from './tenant.ts';
import { userCommands } from './user.ts';

/** What a command works with: the environment it was started in, and a place for its exit code. */
export type Surroundings = { env: Readonly<Record<string, string | undefined>>; exitWith(code: number): void };

/** Runs one command of `tacet` and returns its exit code. Failures are told on standard error, without a stack. */
export async function runCommandLine(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const around: Surroundings = {
    env,
    exitWith(code) {
      exitCode = code;
    },
  };
  const program = new Command('tacet')
    .description('An archive for recorded calls that can truly forget them')
    .exitOverride()
    .showHelpAfterError('(tacet --help lists the commands)');
  for (const command of [
    serveCommand(around),
    workCommand(around),
    migrateCommand(around),
    fsckCommand(around),
    backupCommand(around),
    tenantCommands(around),
    clientCommands(around),
    userCommands(around),
    keysCommands(around),
    restoreCommand(around),
    moveCommand(around),
    receiptCommands(around),
    auditCommands(around),
  ]) {
    program.addCommand(command);
  }
  passOn(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.unusable;
    process.stderr.write(`tacet: ${explain(error)}\n`);
    return exitCodeOf(error);
  }
}

/** Commands that were made apart know nothing of how their parent wants mistakes to be treated. */
function passOn(parent: Command): void {
  for (const command of parent.commands) passOn(command.copyInheritedSettings(parent));
}
