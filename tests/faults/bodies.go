package main

// bodies go wrong halfway.
func bodies() []experiment {
	return []experiment{
		{id: "E10", title: "exception after the first block", steps: halfway("/raise")},
		{id: "E10", title: "process ends after the first block", steps: halfway("/die")},
		{id: "E10", title: "10 bytes where Content-Length says 100", more: "KeepAliveTimeout 5", steps: halfway("/short")},
		{
			id: "E18", title: "20 MB answered to 3 MB that the application does not read (Timeout 10)", more: "Timeout 10",
			steps: func(s *subject) []string {
				o := exchange(s.dial, post("/early?20000000", 3_000_000), waitAtMost)
				return []string{o.String(), size(o)}
			},
		},
	}
}

// halfway asks for a response that is not to look complete.
func halfway(target string) func(s *subject) []string {
	return func(s *subject) []string {
		o := s.get(target)
		if o.status == 200 && !o.cut {
			return []string{o.String(), "looks complete"}
		}
		return []string{o.String()}
	}
}
