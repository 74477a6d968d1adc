package site

import "testing"

func TestRangeAndDefault(t *testing.T) {
	for _, test := range []struct {
		key          Key
		span, preset string
	}{
		{Key{Type: TypeInt, Min: 1, Max: 1024, Default: int64(5)}, "1 to 1024", "5"},
		{Key{Type: TypeInt, Min: -20, Max: 19, Default: int64(0)}, "-20 to 19", "0"},
		{Key{Type: TypeDuration, Min: 1e9, Zero: "never", Default: "300s"}, "at least 1s, or 0 for never", "300s"},
		{Key{Type: TypeDuration, Default: "60s"}, "", "60s"},
		{Key{Type: TypeSize, Min: 512, Max: 1 << 30, Zero: "the system's own", Default: int64(65536)}, "512 to 1G, or 0 for the system's own", "64K"},
		{Key{Type: TypeOctal, Max: 0o777, Default: "0660"}, "0000 to 0777", "0660"},
		{Key{Type: TypeBool, Default: true}, "", "true"},
		{Key{Type: TypeString}, "", ""},
	} {
		if got := test.key.Range(); got != test.span {
			t.Errorf("range of %+v is %q, want %q", test.key, got, test.span)
		}
		if got := test.key.DefaultText(); got != test.preset {
			t.Errorf("default of %+v is %q, want %q", test.key, got, test.preset)
		}
	}
}
