package leader

import (
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// warmUps are the requests of warm-up that lead to a group: for each the path of its
// mount, the rest, the name of the host and, if the group runs several, the number of
// the application, with tabs between them.
func warmUps(s *site.Site, group string) []string {
	numbers := s.ApplicationNumbers()
	var all []string
	for _, v := range s.Hosts() {
		for _, path := range v.WarmUp {
			if m := v.MountOf(path); m != nil && m.Group == group {
				prefix := strings.TrimSuffix(m.Path, "/")
				number := ""
				if n, several := numbers[m]; several {
					number = strconv.Itoa(n)
				}
				all = append(all, strings.Join([]string{prefix, strings.TrimPrefix(path, prefix), v.Name(), number}, "\t"))
			}
		}
	}
	return all
}
