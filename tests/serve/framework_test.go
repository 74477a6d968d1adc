package serve_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

// framework is one project of tests/apps and where it differs from the other.
type framework struct {
	name, module, dir, target string
	slash                     string // its paths end with it
	views                     string // the file that /download sends
}

func frameworks() []framework {
	return []framework{
		{"Flask", "flask", "flaskproject", "wsgi:application", "", "shop/views.py"},
		{"Django", "django", "djangoproject", "project.wsgi:application", "/", "pages/views.py"},
	}
}

// TestFrameworks runs unchanged projects end to end, from their own directory as
// their users do and from a site file.
func TestFrameworks(t *testing.T) {
	t.Parallel()
	for _, f := range frameworks() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			needPackage(t, f.module, "a "+f.name+" project runs unchanged")
			s := startWith(t, launch{dir: app(t, f.dir), env: []string{"PYTHONDONTWRITEBYTECODE=1"}}, f.target)
			f.exercise(t, s, "")
		})
		t.Run(f.name+" by site file", func(t *testing.T) {
			t.Parallel()
			needPackage(t, f.module, "a "+f.name+" project runs unchanged from a site file")
			s := startSite(t, fmt.Sprintf(`
[group.web]
processes = 2
threads = 2
home = %q

[group.web.env]
PYTHONDONTWRITEBYTECODE = "1"

[[mount]]
path = "/sub"
module = %q
group = "web"
`, app(t, f.dir), f.target))
			f.exercise(t, s, "/sub")
		})
	}
}

func (f framework) exercise(t *testing.T, s *server, mount string) {
	b := newBrowser(t, s, mount)
	t.Run("template", func(t *testing.T) { f.template(t, b) })
	t.Run("session", func(t *testing.T) { f.session(t, b) })
	t.Run("login", func(t *testing.T) { f.login(t, b) })
	t.Run("upload", func(t *testing.T) { f.upload(t, b) })
	t.Run("stream", func(t *testing.T) { f.stream(t, b) })
	t.Run("download", func(t *testing.T) { f.download(t, b) })
	t.Run("failure", func(t *testing.T) { f.failure(t, b) })
}

// browser is a client with cookies.
type browser struct {
	client *http.Client
	base   string
}

func newBrowser(t *testing.T, s *server, mount string) *browser {
	t.Helper()
	client := clientFor(t, s.address())
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Jar = jar
	return &browser{client: client, base: "http://" + s.address() + mount}
}

// send makes a request that must be answered whole with the status.
func (b *browser) send(t *testing.T, method, target, kind string, body io.Reader, status int) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.base+target, body)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	a := exchange(b.client, req)
	if a.err != nil || a.status != status {
		t.Fatalf("%s %s: status %d, %v, want %d, body %.300q", method, target, a.status, a.err, status, a.body)
	}
	return a
}

func (b *browser) get(t *testing.T, target string) answer {
	t.Helper()
	return b.send(t, http.MethodGet, target, "", http.NoBody, http.StatusOK)
}

func (b *browser) getJSON(t *testing.T, target string) record {
	t.Helper()
	var r record
	a := b.get(t, target)
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return r
}

func (f framework) template(t *testing.T, b *browser) {
	page := b.get(t, "/").body
	for _, want := range []string{"<title>Goods</title>", "<li>&lt;plums&gt;</li>", "</html>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %q", want, page)
		}
	}
	link := regexp.MustCompile(`href="([^"]+)"`).FindStringSubmatch(page)
	base, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	if want := base.Path + "/me" + f.slash; link == nil || link[1] != want {
		t.Errorf("link %q, want %q", link, want)
	}
	if got := b.get(t, "/greet/"+url.PathEscape("Zo\u00eb & \u6f22")+f.slash).body; !strings.Contains(got, "Hello, Zo\u00eb &amp; \u6f22!") {
		t.Errorf("greeting %q", got)
	}
}

func (f framework) session(t *testing.T, b *browser) {
	for want := 1; want <= 4; want++ {
		if got := b.getJSON(t, "/visits"+f.slash).text("visits"); got != fmt.Sprint(want) {
			t.Errorf("visits %s, want %d", got, want)
		}
	}
}

func (f framework) login(t *testing.T, b *browser) {
	form := url.Values{"user": {"Zo\u00eb"}}
	if f.module == "django" {
		page := b.get(t, "/login/").body
		token := regexp.MustCompile(`csrfmiddlewaretoken" value="([^"]+)"`).FindStringSubmatch(page)
		if token == nil {
			t.Fatalf("no token in %q", page)
		}
		form.Set("csrfmiddlewaretoken", token[1])
	}
	kind := "application/x-www-form-urlencoded"
	a := b.send(t, http.MethodPost, "/login"+f.slash, kind, strings.NewReader(form.Encode()), http.StatusFound)
	if location := a.header.Get("Location"); !strings.HasSuffix(location, "/me"+f.slash) {
		t.Errorf("Location %q", location)
	}
	me := b.getJSON(t, "/me"+f.slash)
	if me.text("user") != "Zo\u00eb" || me.text("url") != b.base+"/me"+f.slash || me.text("remote") != "127.0.0.1" {
		t.Errorf("got %v", me)
	}
}

func (f framework) upload(t *testing.T, b *browser) {
	for _, size := range []int{0, 1000, 3 << 20} {
		content := bytes.Repeat([]byte("0123456789abcde\n"), size/16)
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("file", "caf\u00e9.txt")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(content)
		if err := form.WriteField("note", "a note"); err != nil {
			t.Fatal(err)
		}
		if err := form.Close(); err != nil {
			t.Fatal(err)
		}
		a := b.send(t, http.MethodPost, "/upload"+f.slash, form.FormDataContentType(), &body, http.StatusOK)
		var r record
		if err := json.Unmarshal([]byte(a.body), &r); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if r.text("sha256") != hex.EncodeToString(sum[:]) || r.text("name") != "caf\u00e9.txt" || r.text("note") != "a note" {
			t.Errorf("%d bytes: got %v", size, r)
		}
	}
}

func (f framework) stream(t *testing.T, b *browser) {
	const rows = 20_000
	a := b.get(t, fmt.Sprintf("/stream%s?tag=row&rows=%d", f.slash, rows))
	if got := strings.Count(a.body, "\n"); got != rows || !strings.HasSuffix(a.body, fmt.Sprintf("row,%d\n", rows-1)) {
		t.Errorf("%d rows, want %d", got, rows)
	}
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/csv") {
		t.Errorf("Content-Type %q", kind)
	}
}

func (f framework) download(t *testing.T, b *browser) {
	want, err := os.ReadFile(app(t, f.dir+"/"+f.views))
	if err != nil {
		t.Fatal(err)
	}
	a := b.get(t, "/download"+f.slash)
	if a.body != string(want) {
		t.Errorf("%d bytes, want %d", len(a.body), len(want))
	}
}

func (f framework) failure(t *testing.T, b *browser) {
	b.send(t, http.MethodGet, "/fail"+f.slash, "", http.NoBody, http.StatusInternalServerError)
	b.send(t, http.MethodGet, "/nowhere"+f.slash, "", http.NoBody, http.StatusNotFound)
}
