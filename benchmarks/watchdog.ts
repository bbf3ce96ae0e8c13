/**
 * Processes that end when the one that started them does, whatever ends it: Ctrl-C, SIGKILL, an exception. Handlers of
 * signals see some of that only, so a shell waits beside each process at a pipe whose other end is ours: the system
 * closes it when we are gone, and the shell kills. Where there is no `sh` (Windows) nothing is watched.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/** A line says that there is nothing left to kill; the end of input without one, that nobody can say so. */
const SCRIPT = 'read -r line || kill -s KILL -- "$1"'

/**
 * Ends a process when this one ends.
 * @param scope `group` when it leads a process group: all that it started ends with it, also when it ends before us.
 */
export function endWithUs(child: ChildProcess, scope: 'process' | 'group'): void {
  const { pid } = child
  // It could not be started: its `error` event says so.
  if (pid === undefined || process.platform === 'win32') return
  const target = scope === 'group' ? -pid : pid
  // Detached: a Ctrl-C in the terminal is not for it.
  const watchdog = spawn('sh', ['-c', SCRIPT, 'watchdog', `${target}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const { stdin } = watchdog
  // Without a shell, or when somebody killed it, processes are ended as far as we get to it.
  watchdog.on('error', () => undefined)
  stdin.on('error', () => undefined)
  watchdog.unref()
  if (stdin instanceof Socket) stdin.unref()
  // Of a group, others may be left when the first one has ended.
  child.once('exit', () => (scope === 'group' ? stdin.end() : stdin.end('ended\n')))
}
