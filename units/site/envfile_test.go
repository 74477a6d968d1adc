package site

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func writeFile(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLoadEnvFile(t *testing.T) {
	file := writeFile(t, "env", `
# comment
; comment
PLAIN=value with blanks  
  INDENTED = x
EMPTY=
HASH=a#b "c"
ESCAPED=a\ b\\c\"
SINGLE='a "b" \n $X'
DOUBLE="a 'b' \"c\" \\ \$X \n"  
TWICE=1
TWICE=2
CRLF=x`+"\r\n_1=last", 0o600)
	got, err := LoadEnvFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"PLAIN": "value with blanks", "INDENTED": "x", "EMPTY": "", "HASH": `a#b "c"`, "ESCAPED": `a b\c"`,
		"SINGLE": `a "b" \n $X`, "DOUBLE": `a 'b' "c" \ $X \n`, "TWICE": "2", "CRLF": "x", "_1": "last",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestLoadEnvFileErrors(t *testing.T) {
	file := writeFile(t, "env", "OK=1\nno value\nexport A=1\n1A=x\nA=\"open\nB='open\nC='a'b\nD=goes on\\\nE=\xff\nF=a\x00\n=x\n", 0o600)
	_, err := LoadEnvFile(file)
	want := file + `:2: "no value" is not NAME=value
` + file + `:3: this is not a shell script
hint: leave out export
` + file + `:4: "1A" is not the name of an environment variable
` + file + `:5: A: quote is not closed in this line
` + file + `:6: B: quote is not closed in this line
` + file + `:7: C: text after the closing quote
hint: put the whole value in quotes
` + file + `:8: D: value goes on in the next line
hint: write it in one line
` + file + `:9: line is not text in UTF-8
` + file + `:10: line is not text in UTF-8
` + file + `:11: "" is not the name of an environment variable`
	if err == nil || err.Error() != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
}
