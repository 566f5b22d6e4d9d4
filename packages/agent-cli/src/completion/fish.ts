import type { Candidate, Flag, Row } from './table.ts'

const PROGRAM = 'agent-marketplace'

/** A script for fish. Put as `agent-marketplace.fish` into its directory of completions, or read with `source`. */
export function fishScript(table: readonly Row[]): string {
  const paths = table.flatMap(({ path }) => (path === '' ? [] : [quote(path)]))
  return `# agent-marketplace completion for fish
function __agent_marketplace_at
  set -l known ${paths.join(' ')}
  set -l where ''
  for word in (commandline -opc)[2..]
    set -l next (string trim -- "$where $word")
    contains -- $next $known; or break
    set where $next
  end
  test "$where" = "$argv[1]"
end

complete -c ${PROGRAM} -f
${table.flatMap(linesOf).join('\n')}
`
}

function linesOf({ path, words, flags }: Row): string[] {
  const at = `complete -c ${PROGRAM} -n ${quote(`__agent_marketplace_at ${quote(path)}`)}`
  return [
    ...words.map((word) => `${at} -a ${quote(word.word)}${said(word)}`),
    ...flags.map((flag) => `${at} ${flagOf(flag)}${said(flag)}`),
  ]
}

function flagOf({ word, value, options }: Flag): string {
  const long = `-l ${word.slice('--'.length)}`
  if (options.length > 0) return `${long} -x -a ${quote(options.join(' '))}`
  return value === 'none' ? long : value === 'file' ? `${long} -r -F` : `${long} -x`
}

function said({ summary }: Candidate): string {
  return summary === '' ? '' : ` -d ${quote(summary)}`
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}
