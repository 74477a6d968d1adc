package units

import (
	"time"

	"github.com/wsgid/wsgid/units/site"
)

// scriptPause is the time before a service script is started again: short enough for
// one that ends after each job, long enough for what keeps it from running.
const scriptPause = 2 * time.Second

// scriptService runs a service script, as the user and with the limits and the sandbox
// that the processes of a daemon group have. There are no slots: the old process ends
// before the new one starts.
func (b *builder) scriptService(g *site.Group) {
	unit := scriptUnit(b.site.Name, g.Name)
	d := b.unit(unit, "Service script "+g.Name+" of WSGI site "+b.site.Name)
	d.describe()
	d.add("After", "network.target")
	// Stops and restarts with the site; but not when the site's supervisor ends until
	// the next connection (idle-timeout).
	d.add("PartOf", siteUnit(b.site.Name, "service"))
	d.section("Service")
	d.add("Type", "exec")
	d.command("ExecStart", b.options.Wsgid, "script", "--config-directory=%E/wsgi", b.site.Name, g.Name)
	// However it ends, as in mod_wsgi.
	d.add("Restart", "always")
	d.timeout("RestartSec", scriptPause)
	d.timeout("TimeoutStopSec", shutdown(g))
	d.add("KillMode", "mixed")
	// Else it would be named after the interpreter.
	d.add("SyslogIdentifier", b.site.Name+":"+g.Name)
	b.confinement(d, g)
	if b.broken {
		b.brokenCommand(d)
		d.add("Restart", "no")
	}
	d.done()
	for _, kind := range []string{"socket", "service"} {
		b.link(siteUnit(b.site.Name, kind)+".wants/"+unit, "../"+unit)
	}
}
