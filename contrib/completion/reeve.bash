# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of reeve for bash: commands and options come from reeve's own help.

_reeve_commands() {
	reeve --help 2>/dev/null | sed -n '/^commands/,/^options/s/^  \([a-z-]*\) .*/\1/p'
}

_reeve_options() {
	reeve ${1:+"$1"} --help 2>/dev/null | grep -o -- '^  \(-[a-z], \)\?--[a-z-]*' |
		grep -o -- '--[a-z-]*'
}

_reeve() {
	local word=${COMP_WORDS[COMP_CWORD]} command='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--url | --socket | --token-file) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	COMPREPLY=()
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_reeve_options "$command")" -- "$word")
	elif [[ -z $command || $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_reeve_commands)" -- "$word")
	fi
}

complete -o default -F _reeve reeve
