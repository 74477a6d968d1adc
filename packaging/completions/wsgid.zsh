#compdef wsgid
# zsh completion for wsgid: the program itself knows what comes next. Its last line is
# a colon and a sum, in which 4 means that no file may stand here.
_wsgid() {
	local line sum=0
	local -a found
	for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		case $line in
		:*) sum=${line#:} ;;
		?*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
		esac
	done
	_describe wsgid found && return
	((sum & 4)) || _files
}
_wsgid "$@"
