package main

// architecture is a site with one daemon group: who holds what, and as which user.
func architecture() string {
	c := &canvas{width: 860, height: 430, title: "A site: sockets that systemd holds, the supervisor, the two slots of a daemon group, and their processes"}
	c.box("", 20, 170, 110, 60, "clients", "HTTP, or a", "server in front")
	c.arrow(130, 200, 168, 200)

	c.box("systemd", 170, 160, 150, 80, "wsgi@blog.socket", "TCP addresses,", "/run/wsgi/blog.sock")
	c.arrow(320, 200, 358, 200)

	c.box("ours", 360, 90, 190, 220, "wsgi@blog.service", "supervisor, user wsgi")
	for i, part := range []string{"front end", "routing", "queue per group", "dispatch"} {
		y := 140 + 40*i
		c.box("", 376, y, 158, 28, part)
		if i > 0 {
			c.arrow(455, y-12, 455, y-1)
		}
	}
	for i, slot := range []struct{ name, state, leader, process string }{
		{"a", "generation 7 serves", "ours", "python"}, {"b", "idle until a reload", "zone", "zone"},
	} {
		y := 60 + 180*i
		c.arrow(550, 200, 588, y+50)
		c.box("systemd", 590, y+20, 80, 60, "slot "+slot.name, ".socket")
		c.arrow(670, y+50, 698, y+50)
		c.box(slot.leader, 700, y, 140, 110, "leader", "user joe,", "limits, sandbox")
		for n := range 3 {
			c.box(slot.process, 712+40*n, y+66, 36, 28)
			c.label("code", 723+40*n, y+84, "py")
		}
		c.label("note", 590, y+132, "wsgi-blog:web@"+slot.name+": "+slot.state)
	}
	c.box("systemd", 20, 360, 18, 18)
	c.label("note", 46, 374, "held by systemd: no restart, crash or upgrade of ours closes it")
	c.box("ours", 20, 390, 18, 18)
	c.label("note", 46, 404, "wsgid; nothing of it runs as root")
	c.box("python", 470, 390, 18, 18)
	c.label("note", 496, 404, "the site's own Python, one connection for each thread")
	return c.svg()
}
