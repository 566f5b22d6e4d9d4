import type { Row } from './table.ts'

/** A script for bash. Put into a directory of completions, or read with `source <(agent-marketplace completion bash)`. */
export function bashScript(table: readonly Row[]): string {
  return `# agent-marketplace completion for bash
_agent_marketplace_at() {
  case "$1" in
${table.map(({ path, words, flags }) => `    '${path}') words='${join(words)}' flags='${join(flags)}' ;;`).join('\n')}
    *) words='' flags='' ;;
  esac
}

# The values of a flag; 1 if it has none, 2 if they are files, 3 if they can be anything.
_agent_marketplace_values() {
  case "$1 $2" in
${table.flatMap(valueCases).join('\n')}
    *) return 1 ;;
  esac
}

_agent_marketplace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' words flags values='' at word
  _agent_marketplace_at ''
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    [[ "$word" != -* && " $words " == *" $word "* ]] || break
    path="\${path:+$path }$word"
    _agent_marketplace_at "$path"
  done
  COMPREPLY=()
  _agent_marketplace_values "$path" "$previous"
  case $? in
    0) COMPREPLY=($(compgen -W "$values" -- "$current")) ;;
    1)
      if [[ "$current" == -* || -z "$words" ]]; then words="$flags"; fi
      COMPREPLY=($(compgen -W "$words" -- "$current"))
      ;;
    2)
      local prefix=''
      if [[ "$current" == @* ]]; then prefix=@ current="\${current#@}"; fi
      local IFS=$'\\n'
      COMPREPLY=($(compgen -P "$prefix" -f -- "$current"))
      compopt -o filenames 2>/dev/null
      ;;
  esac
}

complete -F _agent_marketplace agent-marketplace
`
}

function valueCases({ path, flags }: Row): string[] {
  return flags
    .filter(({ value }) => value !== 'none')
    .map(({ word, value, options }) => {
      const found = options.length > 0 ? `values='${options.join(' ')}'` : `return ${value === 'file' ? 2 : 3}`
      return `    '${path} ${word}') ${found} ;;`
    })
}

function join(candidates: readonly { readonly word: string }[]): string {
  return candidates.map(({ word }) => word).join(' ')
}
