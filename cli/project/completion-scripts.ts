/** Shells for which there is a script. */
export const shells = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof shells)[number];

/**
 * The script that a shell sources to complete `sitepass`. It asks the program itself, at the very place where it was made: the word
 * on the command line may be an alias or a function, or another program of a folder that somebody has just entered.
 *
 * No answer ever reaches an `eval` or what does as much: not `compgen -W`, which expands its words.
 *
 * @param program path of the program, absolute.
 */
export function completionScript(shell: Shell, program: string): string {
  return scripts[shell](program);
}

/** A text in single quotes, in which sh, bash and zsh take everything for itself. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const quotedForFish = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

const scripts: Readonly<Record<Shell, (program: string) => string>> = {
  bash: (program) => `# Completes sitepass in bash. To have it in every shell, put this into ~/.bashrc:
#   source <(sitepass completion bash)
_sitepass() {
  local line kind= current=\${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then
      kind=$line
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <(${quoted(program)} __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null </dev/null)
  # Behind a = the shell sees a word of its own.
  [[ $current == = ]] && current=
  case $kind in
    files) kind=-f ;;
    folders) kind=-d ;;
    *) return ;;
  esac
  # Bash 3 of macOS has neither compopt nor mapfile.
  compopt -o filenames 2>/dev/null
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$kind" -- "$current")
}
complete -F _sitepass sitepass
`,
  zsh: (program) => `#compdef sitepass
# Completes sitepass in zsh. To have it in every shell, put this into ~/.zshrc, behind compinit:
#   source <(sitepass completion zsh)
_sitepass() {
  local -a lines found
  local line
  lines=("\${(@f)$(${quoted(program)} __complete zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
  case $lines[1] in
    files) compset -P '--*='; _files ;;
    folders) compset -P '--*='; _files -/ ;;
    words)
      for line in "\${(@)lines[2,-1]}"; do
        found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
      done
      (( $#found )) && _describe -t sitepass 'sitepass' found ;;
  esac
}
if [[ "\${funcstack[1]-}" == _sitepass ]]; then
  _sitepass "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _sitepass sitepass
fi
`,
  fish: (program) => `# Completes sitepass in fish. To have it in every shell, run this once:
#   sitepass completion fish > ~/.config/fish/completions/sitepass.fish
function __sitepass_complete
    set -l current (commandline -ct)
    set -l words (commandline -opc)
    set -l lines (${quotedForFish(program)} __complete fish -- $words[2..] "$current" 2>/dev/null </dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case folders
            __fish_complete_directories "$current" ''
        case words
            printf '%s\\n' $lines[2..]
    end
end
complete -c sitepass -f -a '(__sitepass_complete)'
`,
};
