# fish completion for wsgid: the program itself knows what comes next. Its last line is
# a colon and a sum, in which 4 means that no file may stand here.
function __wsgid_lines
    set -l words (commandline -opc)
    $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end

function __wsgid_no_files
    set -l sum (__wsgid_lines | string match -r '^:\d+$' | string sub -s 2)
    test (math "bitand($sum, 4)") -ne 0 2>/dev/null
end

complete -c wsgid -n __wsgid_no_files -f
complete -c wsgid -a '(__wsgid_lines | string match -v -r "^:")'
