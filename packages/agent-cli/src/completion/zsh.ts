import type { Candidate, Flag, Row } from './table.ts'

/** A script for zsh. Put as `_agent-marketplace` into a directory of `$fpath`, or read after `compinit`. */
export function zshScript(table: readonly Row[]): string {
  return `#compdef agent-marketplace
# agent-marketplace completion for zsh
_agent_marketplace_at() {
  case "$1" in
${table.map(({ path, words, flags }) => `    '${path}') nouns=(${describe(words)}) options=(${describe(flags)}) ;;`).join('\n')}
    *) nouns=() options=() ;;
  esac
}

_agent-marketplace() {
  local where='' at word
  local -a nouns options
  _agent_marketplace_at ''
  for ((at = 2; at < CURRENT; at++)); do
    word="\${words[at]}"
    [[ "$word" != -* && -n "\${nouns[(r)$word:*]}" ]] || break
    where="\${where:+$where }$word"
    _agent_marketplace_at "$where"
  done
  case "$where \${words[CURRENT-1]}" in
${table.flatMap(valueCases).join('\n')}
    *)
      if [[ "\${words[CURRENT]}" == -* || \${#nouns} -eq 0 ]]; then
        _describe -o flag options
      else
        _describe command nouns
      fi
      ;;
  esac
}

if [[ "\${funcstack[1]}" == _agent-marketplace ]]; then
  _agent-marketplace "$@"
elif (( \${+functions[compdef]} )); then
  compdef _agent-marketplace agent-marketplace
fi
`
}

function valueCases({ path, flags }: Row): string[] {
  return flags.filter(({ value }) => value !== 'none').map((flag) => `    '${path} ${flag.word}') ${valuesOf(flag)} ;;`)
}

function valuesOf({ value, options }: Flag): string {
  if (options.length > 0) return `compadd -- ${options.join(' ')}`
  return value === 'file' ? "compset -P '@'; _files" : 'return 1'
}

/** `word:what it is`, each in single quotes. */
function describe(candidates: readonly Candidate[]): string {
  return candidates.map(({ word, summary }) => `'${word.replaceAll(':', '\\:')}:${summary.replaceAll("'", `'\\''`)}'`).join(' ')
}
