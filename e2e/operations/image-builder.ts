import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { needDebian } from '../../packages/platform-server/test/debian.ts'

const SOURCES = '/etc/apt/sources.list.d'

/** Builds and runs images in a directory of its own, with Debian's buildah and no registry of images: by root, in a chroot. */
export class ImageBuilder {
  readonly #directory: string

  constructor(directory: string) {
    if (process.getuid?.() !== 0) throw new Error('images are built by root here: run this as root')
    for (const tool of ['buildah', 'mmdebstrap']) needDebian(tool, () => findTool(tool))
    this.#directory = directory
  }

  /**
   * Make the image that others begin with, under the name they call it by: Debian and this machine's Node and npm, with its npm settings.
   *
   * @param name - The whole name of the image that it stands for.
   */
  makeBase(name: string): void {
    const archive = join(this.#directory, 'base.tar')
    const [list = '/etc/apt/sources.list'] = readdirSync(SOURCES).map((file) => join(SOURCES, file))
    const [, release = ''] = /^VERSION_CODENAME=(.*)$/m.exec(run('cat', ['/etc/os-release'])) ?? []
    run('mmdebstrap', ['--variant=minbase', '--mode=root', '--include=ca-certificates', release, archive, list])
    const base = this.#buildah('from', 'scratch')
    this.#buildah('add', base, archive, '/')
    this.#buildah('copy', base, process.execPath, '/usr/local/bin/node')
    const npm = realpathSync(join(findTool('npm') ?? '', 'npm'))
    this.#buildah('copy', base, dirname(dirname(npm)), '/usr/local/lib/node_modules/npm')
    const settings = run('npm', ['config', 'get', 'userconfig'])
    if (existsSync(settings)) {
      this.#buildah('copy', base, settings, '/etc/npmrc')
      this.#buildah('config', '--env', 'npm_config_userconfig=/etc/npmrc', base)
    }
    const { NODE_EXTRA_CA_CERTS: certificates } = process.env
    if (certificates) {
      this.#buildah('copy', base, certificates, '/etc/extra-ca.pem')
      this.#buildah('config', '--env', 'NODE_EXTRA_CA_CERTS=/etc/extra-ca.pem', base)
      this.#buildah('config', '--env', 'npm_config_cafile=/etc/extra-ca.pem', base)
    }
    const link = (tool: string) => `ln -s ../lib/node_modules/npm/bin/${tool}-cli.js /usr/local/bin/${tool}`
    this.#buildah('run', '--isolation', 'chroot', base, '--', 'sh', '-c', `${link('npm')} && ${link('npx')}`)
    this.#buildah('commit', '--quiet', base, name)
    this.#buildah('rm', base)
  }

  /** Build the image of a file from a context. */
  build(file: string, context: string, name: string): void {
    this.#buildah('bud', '--isolation', 'chroot', '--pull-never', '--file', file, '--tag', name, context)
  }

  /** @returns what to run to start the image as an engine would: its user, its directory, its entry point. */
  start(name: string, variables: Readonly<Record<string, string>>): [command: string, args: string[]] {
    const container = this.#buildah('from', '--pull-never', name)
    for (const [variable, value] of Object.entries(variables)) this.#buildah('config', '--env', `${variable}=${value}`, container)
    const { OCIv1 } = JSON.parse(this.#buildah('inspect', container)) as { OCIv1: { config: { Entrypoint: string[] } } }
    return ['buildah', [...this.#place(), 'run', '--isolation', 'chroot', container, '--', ...OCIv1.config.Entrypoint]]
  }

  #buildah(...args: string[]): string {
    return run('buildah', [...this.#place(), ...args])
  }

  #place(): string[] {
    return ['--root', join(this.#directory, 'images'), '--runroot', join(this.#directory, 'run'), '--storage-driver', 'vfs']
  }
}

function findTool(name: string): string | undefined {
  return (process.env.PATH ?? '').split(':').find((directory) => existsSync(join(directory, name)))
}

/** @returns what it printed. @throws Error with the end of what it said, when it fails. */
function run(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { stdio: 'pipe', encoding: 'utf8', maxBuffer: 1e8 }).trim()
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')}: ${`${stdout}\n${stderr}`.slice(-2_000)}`)
  }
}
