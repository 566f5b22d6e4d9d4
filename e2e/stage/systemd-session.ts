import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { needDebian } from '../../packages/platform-server/test/debian.ts'
import { type Ended, Running, runCommand } from './process.ts'

const SYSTEMD = '/lib/systemd/systemd'
const UP_WITHIN_MS = 30_000

/**
 * A user's session of systemd on a machine that was not booted with it: a manager of its own in namespaces for processes, mounts and control groups, with its
 * own /run. Only root may make those. It ends with this object, and whatever it runs with it.
 */
export class SystemdSession implements AsyncDisposable {
  readonly #session: Running
  readonly #env: Record<string, string>

  private constructor(session: Running, env: Record<string, string>) {
    this.#session = session
    this.#env = env
  }

  /** @param home - Of the user: units are kept below it. @throws Error with what systemd said if it does not come up. */
  static async open(home: string): Promise<SystemdSession> {
    needDebian('systemd', () => [SYSTEMD].find((path) => existsSync(path)))
    mkdirSync(home, { recursive: true })
    const env = { HOME: home, XDG_CONFIG_HOME: join(home, '.config'), XDG_RUNTIME_DIR: '/run/user', DBUS_SESSION_BUS_ADDRESS: '' }
    // The first shell is process 1 of the session; it takes the group away again when it is told to end, and the rest with it.
    const inner = `mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec ${SYSTEMD} --user --log-target=console --log-level=warning`
    const outer = `
      set -e
      mount -t tmpfs tmpfs /run
      mkdir -p /run/systemd/system /run/groups
      mkdir -m 700 /run/user
      mount -t cgroup2 cgroup2 /run/groups
      group=/run/groups/session-$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
      mkdir $group
      echo 0 > $group/cgroup.procs
      unshare --cgroup sh -c '${inner}' &
      end() {
        kill $! ; wait $! || true
        echo 0 > /run/groups/cgroup.procs
        find $group -depth -type d -exec rmdir {} ';'
        exit 0
      }
      trap end TERM
      wait $!`
    const args = ['--pid', '--fork', '--mount', '--mount-proc', '--kill-child=TERM', 'sh', '-c', outer]
    const session = new SystemdSession(new Running('unshare', args, { env }), env)
    const deadline = Date.now() + UP_WITHIN_MS
    while ((await session.run('systemctl', '--user', 'is-system-running')).stdout.trim() !== 'running') {
      if (session.#session.hasEnded || Date.now() > deadline) {
        await session[Symbol.asyncDispose]()
        throw new Error(`no session of systemd here (only root may make one): ${session.#session.stderr}`)
      }
      await sleep(100)
    }
    return session
  }

  /** Run a command as its user would. */
  async run(command: string, ...args: readonly string[]): Promise<Ended> {
    const init = this.#init()
    if (init === undefined) return { exit: null, stdout: '', stderr: 'there is no session' }
    return runCommand('nsenter', ['--target', init, '--pid', '--mount', '--cgroup', command, ...args], { env: this.#env })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const init = this.#init()
    if (init !== undefined) process.kill(Number(init), 'SIGTERM')
    await this.#session.ended
  }

  /** Its process 1, as it is known out here. */
  #init(): string | undefined {
    const { pid } = this.#session.child
    const path = `/proc/${pid}/task`
    if (!existsSync(path)) return undefined
    const [child] = readdirSync(path).flatMap((task) => readFileSync(join(path, task, 'children'), 'utf8').split(' '))
    return child || undefined
  }
}
