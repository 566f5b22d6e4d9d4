import { usage } from '../agent/cli-error.ts'

/** What a service of this user runs: one daemon, for one profile. */
export interface Service {
  readonly profile: string
  /** Program and arguments, each absolute or the program's own. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Where what it prints goes, where nothing else keeps it. */
  readonly logFile: string
}

/** How a service manager is told of a daemon. */
export interface Unit {
  readonly name: string
  /** The unit or property list, as text. */
  readonly content: string
}

/** Between two starts of a daemon that failed, s. */
const RESTART_S = 10
/** The daemon itself ends within 5 s. */
const STOP_S = 15
/** Starting again mends none of these: usage, not allowed, local state, changed key. */
const HOPELESS_EXITS = '2 3 7 8'

/** A systemd user unit (systemd.service(5)). */
export function systemdUnit({ profile, argv, env }: Service): Unit {
  const content = [
    '[Unit]',
    `Description=Agent Marketplace daemon (profile ${profile})`,
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${argv.map((word, at) => quote(word, at > 0)).join(' ')}`,
    ...Object.entries(env).map(([name, value]) => `Environment=${quote(`${name}=${value}`, false)}`),
    'Restart=on-failure',
    `RestartSec=${RESTART_S}`,
    `RestartPreventExitStatus=${HOPELESS_EXITS}`,
    `TimeoutStopSec=${STOP_S}`,
    'KillMode=mixed',
    'UMask=0077',
    'NoNewPrivileges=yes',
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ]
  return { name: `agent-marketplace-${profile}.service`, content: content.join('\n') }
}

/** A launchd agent (launchd.plist(5)). */
export function launchdPlist({ profile, argv, env, logFile }: Service): Unit {
  const label = `agent-marketplace.${profile}`
  const string = (text: string) => `<string>${escapeXml(oneLine(text))}</string>`
  const entry = (name: string, value: string) => `  <key>${name}</key>\n  ${value}`
  const content = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    entry('Label', string(label)),
    entry('ProgramArguments', `<array>${argv.map(string).join('')}</array>`),
    entry(
      'EnvironmentVariables',
      `<dict>${Object.entries(env)
        .map(([name, value]) => `<key>${escapeXml(name)}</key>${string(value)}`)
        .join('')}</dict>`,
    ),
    entry('RunAtLoad', '<true/>'),
    entry('KeepAlive', '<dict><key>SuccessfulExit</key><false/></dict>'),
    entry('ThrottleInterval', `<integer>${RESTART_S}</integer>`),
    entry('ExitTimeOut', `<integer>${STOP_S}</integer>`),
    entry('ProcessType', string('Background')),
    entry('Umask', `<integer>${0o077}</integer>`),
    entry('StandardOutPath', string(logFile)),
    entry('StandardErrorPath', string(logFile)),
    '</dict>',
    '</plist>',
    '',
  ]
  return { name: `${label}.plist`, content: content.join('\n') }
}

/** A word of a unit file: `%` is a specifier there and, in command lines, `$` a variable. */
function quote(word: string, isArgument: boolean): string {
  const escaped = oneLine(word).replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')
  return `"${isArgument ? escaped.replaceAll('$', '$$$$') : escaped}"`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** @throws CliError `usage` for what neither format can carry. */
function oneLine(text: string): string {
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) throw usage('a service cannot be given line breaks or other control characters')
  return text
}
