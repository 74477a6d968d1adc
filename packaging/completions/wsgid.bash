# bash completion for wsgid: the program itself knows what comes next. Its last line is
# a colon and a sum, in which 4 means that no file may stand here, 2 no blank after it.
_wsgid() {
	local word sum=0
	local -a lines
	COMPREPLY=()
	mapfile -t lines < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	for word in "${lines[@]}"; do
		case $word in
		:*) sum=${word#:} ;;
		"${COMP_WORDS[COMP_CWORD]}"*) COMPREPLY+=("${word%%$'\t'*}") ;;
		esac
	done
	((sum & 4)) || compopt -o default
	((!(sum & 2))) || compopt -o nospace
}
complete -F _wsgid wsgid
