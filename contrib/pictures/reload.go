package main

// reload is `systemctl reload` in time: each request is a bar in the slot that answers it.
func reload() string {
	c := &canvas{width: 860, height: 400, title: "A reload in time: the new generation is ready before the old one stops getting requests"}
	const left, swap, top, bottom = 150, 470, 40, 330
	moments := []struct {
		x    int
		text string
	}{{250, "systemctl reload"}, {swap, "all are ready: swap"}, {690, "drained"}}
	for _, m := range moments {
		c.moment(m.x, top, bottom)
		c.label("note", m.x-44, top-8, m.text)
	}
	c.box("zone", 20, 60, 820, 120)
	c.label("name", 30, 85, "slot a")
	c.label("note", 30, 103, "generation 7")
	c.box("zone", 20, 195, 820, 120)
	c.label("name", 30, 220, "slot b")
	c.label("note", 30, 238, "generation 8")

	// Of the old generation: some are under way when the swap comes, one for long.
	for _, r := range [][3]int{{left, 70, 0}, {230, 90, 0}, {330, 60, 0}, {400, 120, 0}, {170, 60, 1}, {240, 110, 1}, {360, 90, 1}, {190, 120, 2}, {330, 350, 2}} {
		c.box("python", r[0], 72+34*r[2], r[1], 24)
	}
	c.label("note", 535, 90, "what is in flight finishes")
	c.box("ours", 260, 241, 196, 28, "start, import, warm up")
	for _, r := range [][3]int{{swap + 4, 80, 0}, {570, 60, 0}, {640, 110, 0}, {760, 60, 0}, {swap + 14, 130, 1}, {625, 70, 1}, {720, 100, 1}, {500, 60, 2}, {580, 130, 2}, {740, 80, 2}} {
		c.box("python", r[0], 207+34*r[2], r[1], 24)
	}
	c.arrow(20, 345, 840, 345)
	c.label("note", 806, 362, "time")
	c.label("note", 30, 366, "If the new code cannot be imported, there is no swap: the old generation serves on, and systemctl reload fails")
	c.label("note", 30, 384, "with the traceback. Neither clients nor the socket notice anything.")
	return c.svg()
}
